/**
 * What initiators ask for, and what the protocol is told of it: payloads as the text that is sent, hashes that tell a repeated
 * request from another one, and the settings of calls where a request has wishes of its own.
 */
import { hash } from 'node:crypto';
import type { RequestedBranch } from '../definition/plan.ts';
import { referencesIn } from '../definition/references.ts';
import type { Addressee, BranchSpec, Callback, OwnPolicy, Pattern } from '../domain/index.ts';
import type { Participant } from './ports.ts';

/** How calls are made, where a request has wishes of its own. */
export type PolicyRequest = OwnPolicy;

/** The most that a request may ask for. */
export type MaxPolicy = {
  readonly callTimeoutMs: number;
  readonly retryDelayMs: number;
  readonly retryBudgetMs: number;
};

/**
 * The payload as it was written, which the parsed value does not tell: `1.10` is sent as `1.10`. It is no part of the request's
 * value, so neither its schema nor its hash reads it.
 */
export const PAYLOAD_TEXT: unique symbol = Symbol('payload text');

export type BranchRequest = PolicyRequest & {
  readonly branchId: string;
  readonly participant: string;
  readonly activity: string;
  /** Any JSON value; `{}` when absent. */
  readonly payload?: unknown;
  readonly [PAYLOAD_TEXT]?: string;
};

/** A branch that stands in a begin: of a saga, a step. */
export type DeclaredBranchRequest = BranchRequest & {
  /** The one before it in the list when absent. */
  readonly dependsOn?: readonly string[];
  readonly isPivot?: boolean;
  readonly isCompensated?: boolean;
};

export type BeginRequest = PolicyRequest & {
  /** A UUIDv7 of the initiator's own. */
  readonly gid?: string;
  readonly pattern?: Pattern;
  readonly name?: string;
  readonly businessKey?: string;
  /** Of what it is about; only compared, as a part of the request. */
  readonly inputHash?: string;
  readonly timeoutMs?: number;
  /** All branches, of a declared transaction; absent for an interactive one. */
  readonly branches?: readonly DeclaredBranchRequest[];
  /** Who hears of the end. */
  readonly callback?: Addressee;
};

/** Participants of a request by name; null where there is none. */
export type Participants = ReadonlyMap<string, Participant | null>;

export const specOf = (request: BranchRequest, participants: Participants): BranchSpec => ({
  branchId: request.branchId,
  participant: request.participant,
  activity: request.activity,
  payload: request[PAYLOAD_TEXT] ?? JSON.stringify(request.payload === undefined ? {} : request.payload),
  bodyHash: bodyHash(request),
  policy: ownPolicyOf({
    callTimeoutMs: participants.get(request.participant)?.callTimeoutMs,
    ...request,
  }),
  step: null,
});

/** As a branch, it is called for as long as its participant is registered with, where it says so. */
export const callbackOf = (asked: Addressee | undefined, participants: Participants): Callback | null =>
  asked === undefined
    ? null
    : { ...asked, callTimeoutMs: participants.get(asked.participant)?.callTimeoutMs ?? null };

export function requestedBranchOf(
  request: DeclaredBranchRequest,
  participants: Participants,
): RequestedBranch {
  const { step: _step, ...spec } = specOf(request, participants);
  const { dependsOn = null, isPivot = null, isCompensated = null } = request;
  return { ...spec, dependsOn, isPivot, isCompensated, references: referencesIn(spec.payload) };
}

/** Null when there is no wish; what is absent stays absent. */
export function ownPolicyOf({ callTimeoutMs, retry }: Wishes): OwnPolicy | null {
  if (callTimeoutMs == null && retry === undefined) return null;
  return { ...(callTimeoutMs != null && { callTimeoutMs }), ...(retry && { retry }) };
}

type Wishes = { readonly callTimeoutMs?: number | null | undefined; readonly retry?: OwnPolicy['retry'] };

/** SHA-256, in hex, over a request as JSON with sorted keys: equal for requests that say the same. */
export const bodyHash = (request: object): string => hash('sha256', sortedJson(request));

function sortedJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sortedJson).join()}]`;
  let fields = '';
  for (const key of Object.keys(value).sort()) {
    const part = (value as Record<string, unknown>)[key];
    if (part === undefined) continue;
    fields += `${fields === '' ? '' : ','}${JSON.stringify(key)}:${sortedJson(part)}`;
  }
  return `{${fields}}`;
}

/** The first wish that is over the maximum, in words; null when none is. */
export function overMaximum({ callTimeoutMs = 0, retry = {} }: PolicyRequest, max: MaxPolicy): string | null {
  const { firstDelayMs = 0, maxDelayMs = 0, budgetMs = 0 } = retry;
  const over = [
    ['callTimeoutMs', callTimeoutMs, max.callTimeoutMs] as const,
    ['retry.firstDelayMs', firstDelayMs, max.retryDelayMs] as const,
    ['retry.maxDelayMs', maxDelayMs, max.retryDelayMs] as const,
    ['retry.budgetMs', budgetMs, max.retryBudgetMs] as const,
  ].find(([, asked, most]) => asked > most);
  return over ? `${over[0]} is at most ${over[2]}` : null;
}
