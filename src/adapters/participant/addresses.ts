/**
 * The several addresses of one participant, and which of them the next call goes to. Instants are given, not asked for.
 *
 * - Calls go round the addresses.
 * - An address that failed several times in a row rests; each rest is twice as long as the one before.
 * - When a rest is over, one call finds out: the address rests on until that call is answered.
 * - When all of them rest, they are called in turn all the same: a call is never held back here.
 */
const FAILURES_UNTIL_REST = 3;
const FIRST_REST_MS = 5000;
const LONGEST_REST_MS = 60_000;

type Address = { readonly baseUrl: string; failureCount: number; restMs: number; restsUntil: number };

export class Addresses {
  readonly #addresses: readonly Address[];
  #turn = 0;

  constructor(baseUrls: readonly string[]) {
    this.#addresses = baseUrls.map((baseUrl) => ({ baseUrl, ...healthy }));
  }

  /** Whether they are those of this list; another list begins anew. */
  areThose(baseUrls: readonly string[]): boolean {
    const { length } = this.#addresses;
    return length === baseUrls.length && this.#addresses.every((one, at) => one.baseUrl === baseUrls[at]);
  }

  /** The address for a call at `now`. */
  next(now: number): string {
    const { length } = this.#addresses;
    for (let step = 0; step < length; step += 1) {
      const address = this.#at(this.#turn + step);
      if (address.restsUntil > now) continue;
      this.#turn = (this.#turn + step + 1) % length;
      // The call that finds out whether a rest has helped.
      if (address.restMs > 0) rest(address, now);
      return address.baseUrl;
    }
    const { baseUrl } = this.#at(this.#turn);
    this.#turn = (this.#turn + 1) % length;
    return baseUrl;
  }

  /** A call of this address failed on its way, or was answered. */
  heard(baseUrl: string, hasAnswered: boolean, now: number): void {
    const address = this.#addresses.find((one) => one.baseUrl === baseUrl);
    if (address === undefined) return;
    if (hasAnswered) Object.assign(address, healthy);
    // A resting address has been judged: calls that were sent before do not make its rest longer.
    else if (address.restMs === 0) {
      address.failureCount += 1;
      if (address.failureCount >= FAILURES_UNTIL_REST) rest(address, now);
    }
  }

  #at(turn: number): Address {
    return this.#addresses[turn % this.#addresses.length] as Address;
  }
}

const healthy = { failureCount: 0, restMs: 0, restsUntil: Number.NEGATIVE_INFINITY };

function rest(address: Address, now: number): void {
  address.restMs = Math.min(LONGEST_REST_MS, address.restMs * 2 || FIRST_REST_MS);
  address.restsUntil = now + address.restMs;
}
