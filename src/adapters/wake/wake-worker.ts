/** Takes wakes out of one BullMQ queue. It begins by itself when Redis comes, and again when Redis is back. */
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { isRefusal } from './redis-clients.ts';

const CONCURRENCY = 50;
const RETRY_DELAY_MS = 1000;

export class WakeWorker {
  readonly #worker: Worker;
  /** Taken, and not yet known to be removed. While an id is there, BullMQ would ignore a new job of the same. */
  readonly #underWork = new Set<string>();
  #isInTrouble = false;

  constructor(given: {
    name: string;
    prefix: string;
    connection: Redis;
    onWake: (gid: string) => void;
    /** Redis refuses what the worker asks; told once until it gives a wake again. */
    onTrouble: (error: Error) => void;
  }) {
    const { name, prefix, connection, onWake, onTrouble } = given;
    this.#worker = new Worker(
      name,
      async ({ id, data }) => {
        const gid: unknown = data?.gid;
        // Somebody else's job, or of another version: nothing that we know how to do.
        if (id === undefined || typeof gid !== 'string') return;
        this.#isInTrouble = false;
        this.#underWork.add(id);
        onWake(gid);
      },
      {
        prefix,
        connection,
        concurrency: CONCURRENCY,
        runRetryDelay: RETRY_DELAY_MS,
        // A wake is handed on at once, so that no lock is ever held for long.
        skipLockRenewal: true,
      },
    );
    this.#worker.on('completed', ({ id }) => this.#underWork.delete(id ?? ''));
    this.#worker.on('failed', (job) => this.#underWork.delete(job?.id ?? ''));
    this.#worker.on('error', (error) => {
      // A job whose removal failed is not heard of again.
      this.#underWork.clear();
      // While it lets nobody in, that is told once for all connections.
      if (!isRefusal(error) || this.#isInTrouble || connection.status !== 'ready') return;
      this.#isInTrouble = true;
      onTrouble(error);
    });
  }

  isUnderWork(jobId: string): boolean {
    return this.#underWork.has(jobId);
  }

  /** May wait for ever when Redis is gone, unless it is forced: then what was taken is left to others. */
  async close(isForced: boolean): Promise<void> {
    await this.#worker.close(isForced);
  }
}
