/** Participants in memory, by the same contract as the SQL registry. */
import type {
  Participant,
  ParticipantPage,
  ParticipantRegistry,
  Registration,
} from '../../application/ports.ts';

const ALL: ParticipantPage = { after: '', limit: Infinity };

export class MemoryParticipantRegistry implements ParticipantRegistry {
  readonly #byName = new Map<string, Participant>();

  async find(name: string): Promise<Participant | null> {
    return this.#byName.get(name) ?? null;
  }

  async list({ after, limit }: ParticipantPage = ALL): Promise<readonly Participant[]> {
    return [...this.#byName.values()]
      .filter(({ name }) => name > after)
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .slice(0, limit);
  }

  async put(registration: Registration): Promise<{ readonly isNew: boolean }> {
    const known = this.#byName.get(registration.name);
    const kept = known ?? { paths: {}, callTimeoutMs: null };
    this.#byName.set(registration.name, { ...kept, ...registration });
    return { isNew: known === undefined };
  }

  async remove(name: string): Promise<boolean> {
    return this.#byName.delete(name);
  }
}
