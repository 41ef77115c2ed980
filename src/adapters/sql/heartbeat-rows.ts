/** Heartbeats of replicas in the table `replica`, on MySQL, MariaDB and SQLite. */
import { type DataSource, LessThan } from 'typeorm';
import type { Heartbeat, HeartbeatStore } from '../../application/replicas.ts';
import type { Instant } from '../../domain/index.ts';
import { ask } from './ask.ts';
import { heartbeatEntity } from './entities.ts';

export class SqlHeartbeatStore implements HeartbeatStore {
  readonly #dataSource: DataSource;

  constructor(given: { dataSource: DataSource }) {
    this.#dataSource = given.dataSource;
  }

  /** Expired rows are looked for first, so that a DELETE, which locks, is rare. */
  beat(heartbeat: Heartbeat, expiredBefore: Instant): Promise<readonly Heartbeat[]> {
    return ask(this.#dataSource, async (manager) => {
      const rows = manager.getRepository(heartbeatEntity);
      await rows.upsert({ ...heartbeat }, ['id']);
      const all = await rows.find({ order: { id: 'ASC' } });
      const live = all.filter(({ seenAt }) => seenAt >= expiredBefore);
      if (live.length < all.length) await rows.delete({ seenAt: LessThan(expiredBefore) });
      return live;
    });
  }

  async remove(id: string): Promise<void> {
    await ask(this.#dataSource, (manager) => manager.getRepository(heartbeatEntity).delete({ id }));
  }
}
