/**
 * Participants by name, and by address where the allow-list has its host. Whoever asks, at begin or at a call, is
 * answered by the list as it is: an address that is taken off it is not called any more.
 */
import { isAllowedHost } from './allowed-hosts.ts';
import type { Participant, ParticipantPage, ParticipantRegistry, Registration } from './ports.ts';

/** Whether a branch names its participant by an address; names never hold a colon. */
export const isAddress = (participant: string): boolean => participant.includes('://');

export type AllowedAddressesParts = {
  readonly registry: ParticipantRegistry;
  readonly allowedHosts: readonly string[];
  /** Why an address is never called, where that can be read off it; null for any other. */
  readonly whyNeverCalled: (url: string) => string | null;
};

export class AllowedAddresses implements ParticipantRegistry {
  readonly #given: AllowedAddressesParts;

  constructor(given: AllowedAddressesParts) {
    this.#given = given;
  }

  async find(nameOrAddress: string): Promise<Participant | null> {
    const { registry, allowedHosts, whyNeverCalled } = this.#given;
    if (!isAddress(nameOrAddress)) return registry.find(nameOrAddress);
    if (!isAllowedHost(allowedHosts, nameOrAddress) || whyNeverCalled(nameOrAddress) !== null) return null;
    return { name: nameOrAddress, baseUrls: [nameOrAddress], paths: {}, callTimeoutMs: null };
  }

  list(page?: ParticipantPage): Promise<readonly Participant[]> {
    return this.#given.registry.list(page);
  }

  put(registration: Registration): Promise<{ readonly isNew: boolean }> {
    return this.#given.registry.put(registration);
  }

  remove(name: string): Promise<boolean> {
    return this.#given.registry.remove(name);
  }
}
