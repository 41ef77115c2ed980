/**
 * The limits of calls that participants are registered with, for the call gate, which cannot wait for a registry.
 *
 * - What anyone finds in the registry is remembered. So a begin makes the limits of its participants known before their first
 *   call, and a registration on this replica holds immediately.
 * - What was read longer ago than a second is read again in the background, so that a registration on another replica holds
 *   within two seconds: the registry too keeps what it read for a second.
 * - While the registry cannot be read, the former limits hold.
 */
import { isAddress } from './allowed-addresses.ts';
import type {
  CallLimits,
  Participant,
  ParticipantPage,
  ParticipantRegistry,
  Registration,
  Time,
} from './ports.ts';

const KEPT_MS = 1000;

export const NO_LIMITS: CallLimits = {};

type Known = { readonly limits: CallLimits; readonly readAtMs: number };

export class RememberedLimits implements ParticipantRegistry {
  readonly #registry: ParticipantRegistry;
  readonly #time: Time;
  readonly #known = new Map<string, Known>();
  readonly #reading = new Set<string>();

  constructor({ registry, time }: { readonly registry: ParticipantRegistry; readonly time: Time }) {
    this.#registry = registry;
    this.#time = time;
  }

  /** Null while they are not known, which is so for a moment. */
  of(participant: string): CallLimits | null {
    if (isAddress(participant)) return NO_LIMITS;
    const known = this.#known.get(participant);
    if (known === undefined || this.#time.elapsedMs() - known.readAtMs >= KEPT_MS)
      void this.#read(participant);
    return known?.limits ?? null;
  }

  async find(name: string): Promise<Participant | null> {
    const found = await this.#registry.find(name);
    if (found !== null) this.#remember(name, found);
    return found;
  }

  list(page?: ParticipantPage): Promise<readonly Participant[]> {
    return this.#registry.list(page);
  }

  put(registration: Registration): Promise<{ readonly isNew: boolean }> {
    return this.#registry.put(registration);
  }

  remove(name: string): Promise<boolean> {
    return this.#registry.remove(name);
  }

  /** A call to a name that is not registered any more fails by itself. */
  async #read(name: string): Promise<void> {
    if (this.#reading.has(name)) return;
    this.#reading.add(name);
    try {
      this.#remember(name, await this.#registry.find(name));
    } catch {
      // It is read again with the next call; who sends that call reports the registry's error.
    } finally {
      this.#reading.delete(name);
    }
  }

  #remember(name: string, found: Participant | null): void {
    if (isAddress(name)) return;
    const { maxConcurrentCalls = null, maxCallsPerSecond = null } = found ?? NO_LIMITS;
    const limits = { maxConcurrentCalls, maxCallsPerSecond };
    this.#known.set(name, { limits, readAtMs: this.#time.elapsedMs() });
  }
}
