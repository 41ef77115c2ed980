/** What is to be checked, and how: as it was asked for, and as it is used once it was found to make sense. */
import { checkSecret } from '../signature.ts';
import type { Op, Pattern } from '../wire/index.ts';

export type CheckOptions = {
  /** The http or https address under which the participant is registered, or would be. */
  readonly baseUrl: string;
  /** Such as `reserve`. */
  readonly activity: string;
  /** Which ops it has: try, confirm and cancel (`tcc`), or action and compensate (`saga`); `tcc` when absent. */
  readonly pattern?: Pattern | undefined;
  /** The body of every call, as JSON. It is to ask for little: up to ten confirmed branches stay. */
  readonly payload: unknown;
  /** Answers a GET with JSON whose numbers have a constant sum, such as `{"available":10,"reserved":0,"sold":0}`. */
  readonly observeUrl?: string | undefined;
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
  readonly pattern: Pattern;
  /** The address of each op. */
  readonly urls: { readonly [Each in Op]: URL };
  /** The payload as text, the same in every call. */
  readonly body: string;
  readonly observeUrl: URL | null;
  readonly secrets: readonly string[];
  readonly callTimeoutMs: number;
  readonly fetch: typeof globalThis.fetch;
  readonly onProgress: (step: string) => void;
};

/** As in the wire's vocabulary, whose schemas take longer to load than the rest of the program to start. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const OPS: { readonly [Each in Pattern]: readonly Op[] } = {
  tcc: ['try', 'confirm', 'cancel'],
  saga: ['action', 'compensate'],
};
const CALL_TIMEOUT_MS = 5000;
/** The longest that timers take. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** @throws TypeError in words that say what to do */
export function readOptions(options: CheckOptions): Settings {
  const { pattern = 'tcc', payload, observeUrl, secrets = [], callTimeoutMs = CALL_TIMEOUT_MS } = options;
  if (!Object.hasOwn(OPS, pattern))
    throw new TypeError(`“${pattern}” is no pattern: there are ${Object.keys(OPS).join(' and ')}`);
  const body: string | undefined = JSON.stringify(payload);
  if (body === undefined) throw new TypeError('the payload is not JSON: give any JSON value, such as {}');
  if (!Number.isInteger(callTimeoutMs) || callTimeoutMs < 1 || callTimeoutMs > MAX_TIMEOUT_MS)
    throw new TypeError(`the time-out ${callTimeoutMs} is no positive whole number of milliseconds`);
  for (const fault of secrets.map(checkSecret)) if (fault !== null) throw new TypeError(fault);
  return {
    pattern,
    urls: urlsOf(options, OPS[pattern]),
    body,
    observeUrl: observeUrl === undefined ? null : readUrl('the address to observe', observeUrl),
    secrets,
    callTimeoutMs,
    fetch: options.fetch ?? globalThis.fetch,
    onProgress: options.onProgress ?? (() => undefined),
  };
}

function urlsOf({ baseUrl, activity, paths = {} }: CheckOptions, ops: readonly Op[]): Settings['urls'] {
  const base = readUrl('the base URL', baseUrl);
  if (base.search || base.hash || base.username)
    throw new TypeError(`the base URL ${baseUrl} has a user, a query or a fragment: leave it out`);
  if (!NAME.test(activity))
    throw new TypeError(`“${activity}” is no name of an activity: use 1 to 64 of A-Z a-z 0-9 _ -`);
  checkPaths(
    paths,
    ops.map((op) => `${activity}/${op}`),
  );
  const prefix = base.origin + base.pathname.replace(/\/+$/, '');
  const urlOf = (op: Op) => new URL(prefix + (paths[`${activity}/${op}`] ?? `/${activity}/${op}`));
  return {
    ...{ try: urlOf('try'), confirm: urlOf('confirm'), cancel: urlOf('cancel') },
    ...{ action: urlOf('action'), compensate: urlOf('compensate') },
  };
}

function checkPaths(paths: { readonly [activityAndOp: string]: string }, keys: readonly string[]): void {
  for (const [key, path] of Object.entries(paths)) {
    if (!keys.includes(key))
      throw new TypeError(`the path for “${key}” would not be used: there are ${keys.join(', ')}`);
    if (!path.startsWith('/')) throw new TypeError(`the path “${path}” for ${key} does not begin with /`);
  }
}

function readUrl(what: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new TypeError(`${what} “${text}” is no http or https address: write it as http://127.0.0.1:4000`);
  return url;
}
