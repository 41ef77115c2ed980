/**
 * The several addresses of one participant, and which of them the next call goes to. Instants are given, not asked for.
 *
 * - Calls go round the addresses.
 * - Each address has a circuit breaker: several consecutive failures open it, each time for twice as long.
 * - Once the open time is over, one call probes. Until it is answered the probe counts as failed, so the circuit is open
 *   again, for twice as long.
 * - While the circuits of all addresses are open, the addresses are called alternating: no call is held back here.
 */
import {
  afterFailedProbe,
  afterFailure,
  type Circuit,
  type CircuitSettings,
  CLOSED,
  openLeftMs,
  probed,
} from '../../application/circuit.ts';

const SETTINGS: CircuitSettings = { failureCount: 3, firstOpenMs: 5000, maxOpenMs: 60_000 };

type Address = { readonly baseUrl: string; circuit: Circuit };

export class Addresses {
  readonly #addresses: readonly Address[];
  #turn = 0;

  constructor(baseUrls: readonly string[]) {
    this.#addresses = baseUrls.map((baseUrl) => ({ baseUrl, circuit: CLOSED }));
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
      if (openLeftMs(address.circuit, now) > 0) continue;
      this.#turn = (this.#turn + step + 1) % length;
      if (address.circuit.state !== 'closed')
        address.circuit = afterFailedProbe(probed(address.circuit), SETTINGS, now);
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
    address.circuit = hasAnswered ? CLOSED : afterFailure(address.circuit, SETTINGS, now);
  }

  #at(turn: number): Address {
    return this.#addresses[turn % this.#addresses.length] as Address;
  }
}
