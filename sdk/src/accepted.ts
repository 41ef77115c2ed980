/** What an op returns that is completed from outside: by a human, a webhook or another system, minutes or days later. */

/**
 * The op was accepted, and ends later. What it wrote with `sqlTx` is committed with that, and the call is answered 202. Repeated
 * calls are answered 202 too and do no work, until `complete` or `refuse` of the participant has recorded the end.
 *
 * Unlike `InProgress`, which rolls back and keeps nothing.
 */
export class Accepted {
  /** When the coordinator should call again, in milliseconds; null where it decides. */
  readonly #retryAfterMs: number | null;

  constructor(retryAfterMs: number | null) {
    this.#retryAfterMs = retryAfterMs;
  }

  get retryAfterMs(): number | null {
    return this.#retryAfterMs;
  }

  /** @throws TypeError: as a part of a result it would accept nothing */
  toJSON(): never {
    throw new TypeError('accepted() is a part of what the work returned: return it by itself');
  }
}

/**
 * @param given.retryAfterMs when the coordinator should call again; it may wait longer. Absent: the coordinator decides
 * @throws RangeError for what is no positive number
 */
export function accepted({ retryAfterMs }: { readonly retryAfterMs?: number } = {}): Accepted {
  if (retryAfterMs !== undefined && !(Number.isFinite(retryAfterMs) && retryAfterMs > 0))
    throw new RangeError('retryAfterMs of accepted() is to be a positive number of milliseconds');
  return new Accepted(retryAfterMs ?? null);
}
