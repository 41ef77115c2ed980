/**
 * What a try came to, for the function that called it: the participant's result as the contract has it, or the
 * error that says why not.
 */
import type { Contract } from '../contract.ts';
import { firstFault } from '../first-fault.ts';
import { type TryOf, TryRefused, TryUnknown } from './errors.ts';
import { jsonIn } from './http-exchange.ts';
import type { Tried } from './try-call.ts';

/**
 * @param signal whose reason becomes the cause when it ended the try
 * @throws TryRefused, TryUnknown
 */
export function resultOf(tried: Tried, contract: Contract, branch: TryOf, signal: AbortSignal): unknown {
  if (tried.reply === 'unknown') throw new TryUnknown(branch, { ...tried, cause: signal.reason });
  if (tried.reply === 'refused') throw new TryRefused(branch, problemIn(tried.text));
  const parsed = jsonIn(tried.text);
  const schema = contract.activities[branch.activity]?.result;
  if (schema === undefined) return parsed === undefined && tried.text !== '' ? tried.text : (parsed ?? null);
  const fault = firstFault(schema, parsed ?? null);
  if (fault === null) return parsed ?? null;
  throw new TryUnknown(branch, {
    answer: `it answered ${tried.status} with a result that does not fit its contract: ${fault}`,
  });
}

/** Where problem documents and common frameworks have the reason; a coordinator reads the same. */
const REASONS = ['detail', 'message', 'title', 'error'];

/** What a participant says of its refusal; any JSON may come, or none. */
function problemIn(text: string): { readonly code: string | null; readonly detail: string | null } {
  const body = jsonIn(text);
  if (typeof body !== 'object' || body === null) return { code: null, detail: null };
  const { code, ...members } = body as { readonly [name: string]: unknown };
  const reasons = REASONS.map((name) => members[name]);
  const detail = reasons.find((reason) => typeof reason === 'string' && reason !== '');
  return {
    code: typeof code === 'string' ? code : null,
    detail: typeof detail === 'string' ? detail : null,
  };
}
