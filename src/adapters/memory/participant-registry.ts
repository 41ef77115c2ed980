/** Participants in memory, by the same contract as the SQL registry. */
import type { Participant, ParticipantRegistry } from '../../application/ports.ts';

export class MemoryParticipantRegistry implements ParticipantRegistry {
  readonly #byName = new Map<string, Participant>();

  async find(name: string): Promise<Participant | null> {
    return this.#byName.get(name) ?? null;
  }

  async list(): Promise<readonly Participant[]> {
    return [...this.#byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async put(participant: Participant): Promise<{ readonly isNew: boolean }> {
    const known = this.#byName.get(participant.name);
    const { secrets, activities } = known ?? {};
    const kept = { ...(secrets && { secrets }), ...(activities && { activities }) };
    this.#byName.set(participant.name, { ...kept, ...participant });
    return { isNew: known === undefined };
  }
}
