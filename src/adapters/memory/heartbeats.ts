/** Heartbeats of replicas in memory: the same answers as the SQL store, by the same contract suite. */
import type { Heartbeat, HeartbeatStore } from '../../application/replicas.ts';
import type { Instant } from '../../domain/index.ts';

export class MemoryHeartbeatStore implements HeartbeatStore {
  readonly #rows = new Map<string, Heartbeat>();

  async beat(heartbeat: Heartbeat, expiredBefore: Instant): Promise<readonly Heartbeat[]> {
    this.#rows.set(heartbeat.id, heartbeat);
    for (const { id, seenAt } of this.#rows.values()) if (seenAt < expiredBefore) this.#rows.delete(id);
    return [...this.#rows.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  async remove(id: string): Promise<void> {
    this.#rows.delete(id);
  }
}
