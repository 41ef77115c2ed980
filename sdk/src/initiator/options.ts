/** What an initiator is given, checked before anything is sent: each fault says what to do. */
import { randomUUID } from 'node:crypto';
import type { Contract } from '../contract.ts';
import { firstFault } from '../first-fault.ts';
import { shownUrl } from '../shown-url.ts';
import { checkSecret } from '../../../src/wire/signature.ts';
import { CallbackRequest } from '../../../src/wire/index.ts';
import { isLaterKey, MAX_TRANSACTIONS, SUFFIX_LENGTH } from './again.ts';
import { RequestRejected } from './errors.ts';
import type { Callable, OwnMembers, RunOptions } from './types.ts';

const DEFAULT_WAIT_MS = 10_000;
const MAX_WAIT_MS = 60_000;
const MAX_KEY_LENGTH = 255;

const OWN_MEMBERS: { readonly [Name in keyof OwnMembers]: true } = {
  gid: true,
  deadlineAt: true,
  signal: true,
};

/** @throws TypeError */
export function checkedContracts(contracts: readonly Callable[]) {
  if (!Array.isArray(contracts))
    throw new TypeError('contracts is missing: list the contracts of those that transactions call');
  const all = contracts.map((one, at) => {
    if (isContract(one)) return one;
    if (isContract(one?.contract)) return one.contract;
    throw new TypeError(
      `contracts[${at}] is no contract: give what defineContract or defineParticipant has returned`,
    );
  });
  for (const [at, { name }] of all.entries()) {
    if (Object.hasOwn(OWN_MEMBERS, name))
      throw new TypeError(
        `No participant can be called as tx.${name}, which every transaction has: rename “${name}”`,
      );
    if (all.findIndex((other) => other.name === name) !== at)
      throw new TypeError(`Two contracts are named “${name}”: give each participant once`);
  }
  return all;
}

const isContract = (one: unknown): one is Contract =>
  typeof one === 'object' && one !== null && 'name' in one && 'activities' in one;

/** Without the slashes at their ends. @throws TypeError */
export function checkedUrls(given: string | readonly string[] | undefined): readonly string[] {
  if (given === undefined)
    throw new TypeError('urls is missing: name the address of the coordinator, like http://127.0.0.1:8080');
  const urls = typeof given === 'string' ? [given] : given;
  if (urls.length === 0) throw new TypeError('urls is empty: name at least one address of the coordinator');
  return urls.map((url) => {
    const { protocol, username, password } = parsed(url);
    if (protocol !== 'http:' && protocol !== 'https:')
      throw new TypeError(
        `“${shownUrl(url)}” is no address of a coordinator: it begins with http:// or https://`,
      );
    if (username !== '' || password !== '' || /[?#]/.test(url))
      throw new TypeError(
        'An address of a coordinator has no user, query or fragment: give the token as token',
      );
    return url.replace(/\/+$/, '');
  });
}

function parsed(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new TypeError(`“${shownUrl(url)}” is no address: write it like http://127.0.0.1:8080`);
  }
}

/** @throws TypeError, which does not show the token */
export function checkedToken(token: string | undefined): string | null {
  if (token === undefined) return null;
  if (!/^[!-~]+$/.test(token))
    throw new TypeError('The token has to be printable ASCII characters, without blanks');
  return token;
}

/** @throws TypeError, which does not show the secrets */
export function checkedSecrets(
  given: Readonly<Record<string, string | readonly string[]>>,
  names: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const entries = Object.entries(given).map(([name, one]) => [name, [one].flat()] as const);
  for (const [name, secrets] of entries) {
    if (!names.includes(name))
      throw new TypeError(`There are secrets for “${name}”, and no contract of that name`);
    if (secrets.length === 0)
      throw new TypeError(`The secrets of ${name} are empty: leave ${name} out, or give one`);
    const fault = secrets.map(checkSecret).find((words) => words !== null);
    if (fault !== undefined) throw new TypeError(`A secret of ${name} cannot be used: ${fault}`);
  }
  return new Map(entries);
}

/** @throws RequestRejected */
export function checkedWaitMs({ waitMs = DEFAULT_WAIT_MS }: Pick<RunOptions, 'waitMs'>): number {
  if (waitMs >= 0 && waitMs <= MAX_WAIT_MS) return waitMs;
  throw invalid(`waitMs has to be 0 to ${MAX_WAIT_MS} milliseconds, and is “${waitMs}”`);
}

/** A random one when there is none. @throws RequestRejected */
export function checkedKey(given: Pick<RunOptions, 'idempotencyKey' | 'onCancelled'>): string {
  checkOnCancelled(given);
  const { idempotencyKey = randomUUID() } = given;
  if (isLaterKey(String(idempotencyKey)))
    throw invalid(
      `the idempotencyKey ends in ~2 to ~${MAX_TRANSACTIONS}, so another key may come to it by onCancelled: end it otherwise`,
    );
  // What a header would not carry as it is would name something else.
  if (/^[!-~](?:[ -~]{0,253}[!-~])?$/.test(idempotencyKey)) return idempotencyKey;
  throw invalid(
    'the idempotencyKey has to be 1 to 255 printable ASCII characters, with no blank at either end',
  );
}

/** As plain JavaScript may call it, too. @throws RequestRejected */
function checkOnCancelled({
  idempotencyKey,
  onCancelled,
}: Pick<RunOptions, 'idempotencyKey' | 'onCancelled'>): void {
  if (onCancelled === undefined) return;
  if (onCancelled !== 'again') throw invalid(`onCancelled has to be 'again', or absent`);
  if (idempotencyKey === undefined)
    throw invalid('onCancelled needs an idempotencyKey: without one each call is a transaction of its own');
  if (idempotencyKey.length > MAX_KEY_LENGTH - SUFFIX_LENGTH)
    throw invalid(
      `with onCancelled the idempotencyKey has to be ${MAX_KEY_LENGTH - SUFFIX_LENGTH} characters at most`,
    );
}

/** Undefined when there is none, so that nothing is sent of it. @throws RequestRejected */
export function checkedCallback({ callback }: Pick<RunOptions, 'callback'>): CallbackRequest | undefined {
  const fault = callback === undefined ? null : firstFault(CallbackRequest, callback, { showsNames: true });
  if (fault === null) return callback;
  throw invalid(`the callback has to name a participant and an activity: ${fault}`);
}

const invalid = (detail: string): RequestRejected =>
  new RequestRejected('The request, before it was sent,', { code: 'invalid_request', detail });
