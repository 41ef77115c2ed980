/** What is to be checked, and how: as it was asked for, and as it is used once it was found to make sense. */
import { shownUrl } from '../shown-url.ts';
import { checkSecret } from '../../../src/wire/signature.ts';
import type { Op } from '../../../src/wire/index.ts';
import { KINDS, type Kind } from './kinds.ts';

export type CheckOptions = {
  /** The http or https address under which the participant is registered, or would be. */
  readonly baseUrl: string;
  /** Such as `reserve`. */
  readonly activity: string;
  /** The kind that the participant declares for the activity; `tcc` when absent. */
  readonly kind?: Kind | undefined;
  /** The body of every call, as JSON. Let it ask for little: what is confirmed stays, and so does what nothing undoes. */
  readonly payload: unknown;
  /** Of a pivot: a payload that its business refuses, to check that this refusal is remembered. */
  readonly refusedPayload?: unknown;
  /**
   * Answers a GET with JSON whose numbers have a constant sum, such as `{"available":10,"reserved":0,"sold":0}`. Null for an
   * activity without such numbers: then the rules on effects are not judged, and the check passes without them.
   */
  readonly observeUrl?: string | null | undefined;
  /** As `whsec_…`; each of them signs the calls. Not signed when absent or empty. */
  readonly secrets?: readonly string[] | undefined;
  /** Paths that differ from `/{activity}/{op}`, by `activity/op`, as at registration. */
  readonly paths?: { readonly [activityAndOp: string]: string } | undefined;
  /** How long one call may take, in milliseconds; 5000 when absent. */
  readonly callTimeoutMs?: number | undefined;
  /** In place of the global one. Calls that are broken off half-way go through node:http in any case. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Hears what is looked at next, in a few words. */
  readonly onProgress?: ((step: string) => void) | undefined;
};

export type Settings = {
  readonly kind: Kind;
  /** The address of each op. */
  readonly urls: { readonly [Each in Op]: URL };
  /** The payload as text, the same in every call. */
  readonly body: string;
  /** A payload that the business refuses, as text; null where none is known. */
  readonly refusedBody: string | null;
  readonly observeUrl: URL | null;
  /** Whether it was said that there are no numbers, so that the check passes without them. */
  readonly hasNoNumbers: boolean;
  readonly secrets: readonly string[];
  readonly callTimeoutMs: number;
  readonly fetch: typeof globalThis.fetch;
  readonly onProgress: (step: string) => void;
};

/** As in the wire's vocabulary, whose schemas take longer to load than the rest of the program to start. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const TCC_OPS: readonly Op[] = ['try', 'confirm', 'cancel'];
const STEP_OPS: readonly Op[] = ['action', 'compensate'];
export const KIND_ADVICE = `give the kind that the participant declares, one of ${KINDS.join(', ')}`;
const CALL_TIMEOUT_MS = 5000;
/** The longest that timers take. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** @throws TypeError in words that say what to do */
export function readOptions(options: CheckOptions): Settings {
  const { kind = 'tcc', payload, observeUrl, secrets = [], callTimeoutMs = CALL_TIMEOUT_MS } = options;
  if ('pattern' in options) throw new TypeError(`there is no option pattern, but kind: ${KIND_ADVICE}`);
  if (!KINDS.includes(kind)) throw new TypeError(`“${kind}” is not a kind: ${KIND_ADVICE}`);
  const body: string | undefined = JSON.stringify(payload);
  if (body === undefined) throw new TypeError('the payload is not JSON: give any JSON value, such as {}');
  const refusedBody: string | undefined = JSON.stringify(options.refusedPayload);
  if (refusedBody !== undefined && kind !== 'pivot')
    throw new TypeError('a refused payload is for a pivot alone: only its refusals are remembered');
  if (!Number.isInteger(callTimeoutMs) || callTimeoutMs < 1 || callTimeoutMs > MAX_TIMEOUT_MS)
    throw new TypeError(`the time-out ${callTimeoutMs} is no positive whole number of milliseconds`);
  for (const fault of secrets.map(checkSecret)) if (fault !== null) throw new TypeError(fault);
  return {
    kind,
    urls: urlsOf(options, kind === 'tcc' ? TCC_OPS : STEP_OPS),
    body,
    refusedBody: refusedBody ?? null,
    observeUrl: typeof observeUrl === 'string' ? readObserveUrl(observeUrl) : null,
    hasNoNumbers: observeUrl === null,
    secrets,
    callTimeoutMs,
    fetch: options.fetch ?? globalThis.fetch,
    onProgress: options.onProgress ?? (() => undefined),
  };
}

function urlsOf({ baseUrl, activity, paths = {} }: CheckOptions, ops: readonly Op[]): Settings['urls'] {
  const base = readUrl('the base URL', baseUrl);
  // It is not shown: any of these can be a secret.
  if (base.search || base.hash || hasUser(base))
    throw new TypeError('the base URL has a user, a password, a query or a fragment: leave it out');
  if (!NAME.test(activity))
    throw new TypeError(`“${activity}” is no name of an activity: use 1 to 64 of A-Z a-z 0-9 _ -`);
  checkPaths(
    paths,
    ops.map((op) => `${activity}/${op}`),
  );
  const prefix = base.origin + base.pathname.replace(/\/+$/, '');
  const urlOf = (op: Op) => new URL(prefix + (paths[`${activity}/${op}`] ?? `/${activity}/${op}`));
  return {
    try: urlOf('try'),
    confirm: urlOf('confirm'),
    cancel: urlOf('cancel'),
    action: urlOf('action'),
    compensate: urlOf('compensate'),
  };
}

function checkPaths(paths: { readonly [activityAndOp: string]: string }, keys: readonly string[]): void {
  for (const [key, path] of Object.entries(paths)) {
    if (!keys.includes(key))
      throw new TypeError(`the path for “${key}” would not be used: there are ${keys.join(', ')}`);
    if (!path.startsWith('/'))
      throw new TypeError(`the path “${shownUrl(path)}” for ${key} does not begin with /`);
  }
}

function readObserveUrl(text: string): URL {
  const url = readUrl('the address to observe', text);
  // fetch refuses it, and its error shows the password.
  if (hasUser(url)) throw new TypeError('the address to observe has a user or a password: leave it out');
  return url;
}

const hasUser = ({ username, password }: URL): boolean => username !== '' || password !== '';

function readUrl(what: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new TypeError(
      `${what} “${shownUrl(text)}” is no http or https address: write it as http://127.0.0.1:4000`,
    );
  return url;
}
