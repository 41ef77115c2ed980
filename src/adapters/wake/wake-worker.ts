/** Takes wakes out of one BullMQ queue while it may. It begins again by itself when Redis is back. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Job, Worker } from 'bullmq';
import type { RedisClient } from './redis-connections.ts';
import { isRefusal } from './redis-faults.ts';

const CONCURRENCY = 50;
const RETRY_DELAY_MS = 1000;

export class WakeWorker {
  readonly #worker: PatientWorker;
  /** Taken, and not yet known to be removed. While an id is there, BullMQ would ignore a new job of the same. */
  readonly #underWork = new Set<string>();

  constructor(given: {
    name: string;
    prefix: string;
    connection: RedisClient;
    onWake: (gid: string) => void;
    /** Redis refuses to give wakes, or gives them again: null. */
    onRead: (fault: Error | null) => void;
    /** Redis refuses to forget a wake that was answered, or has forgotten one: null. */
    onSettled: (fault: Error | null) => void;
  }) {
    const { name, prefix, connection, onWake, onRead, onSettled } = given;
    this.#worker = new PatientWorker(
      name,
      async ({ id, data }) => {
        const gid: unknown = data?.gid;
        // Somebody else's job, or of another version: nothing that we know how to do.
        if (id === undefined || typeof gid !== 'string') return;
        this.#underWork.add(id);
        onWake(gid);
      },
      {
        prefix,
        connection,
        autorun: false,
        concurrency: CONCURRENCY,
        runRetryDelay: RETRY_DELAY_MS,
        // A wake is handed on at once, so that no lock is ever held for long.
        skipLockRenewal: true,
      },
    );
    this.#worker.onRead = onRead;
    this.#worker.on('completed', ({ id }) => {
      this.#underWork.delete(id ?? '');
      onSettled(null);
    });
    this.#worker.on('failed', (job) => this.#underWork.delete(job?.id ?? ''));
    this.#worker.on('error', (error) => {
      // A job whose removal failed is not heard of again.
      this.#underWork.clear();
      if (!isRefusal(error)) return;
      if (error.command?.name === 'bzpopmin') onRead(error);
      else if (!this.#worker.isReadFault(error)) onSettled(error);
    });
  }

  /** Until it is paused; again and again without harm. */
  run(): void {
    if (this.#worker.isPaused()) void this.#worker.resume();
    else if (!this.#worker.isRunning())
      this.#worker.run().catch((error: Error) => this.#worker.emit('error', error));
  }

  /** A wait that is under way goes on for seconds, and takes nothing. */
  pause(): void {
    if (!this.#worker.isPaused()) void this.#worker.pause(true);
  }

  isUnderWork(jobId: string): boolean {
    return this.#underWork.has(jobId);
  }

  /** May wait for ever when Redis is gone, unless it is forced: then what was taken is left to others. */
  async close(isForced: boolean): Promise<void> {
    await this.#worker.close(isForced);
  }
}

/** BullMQ asks again immediately after a refusal. This one waits, so that neither it nor Redis is kept busy. */
class PatientWorker extends Worker {
  onRead: (fault: Error | null) => void = () => {};
  readonly #readFaults = new WeakSet<Error>();

  /** Told already. */
  isReadFault(error: Error): boolean {
    return this.#readFaults.has(error);
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    // That there is none is how BullMQ itself says it.
    if (this.isPaused()) return undefined as unknown as Job;
    try {
      const job = await super.moveToActive(token, name);
      this.onRead(null);
      return job;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#readFaults.add(error);
      this.onRead(error);
      await pause(RETRY_DELAY_MS);
      throw error;
    }
  }

  /** The check for stalled jobs has an interval of its own; a wait before it would outlive the worker by seconds. */
  protected override checkConnectionError<T>(check: () => Promise<T>): Promise<T | undefined> {
    return super.checkConnectionError(check, 0);
  }

  /** Its own choice after a refused wait is 100 ms. */
  override delay(delayMs = 0, abortController?: Parameters<Worker['delay']>[1]): Promise<void> {
    return super.delay(Math.max(delayMs, RETRY_DELAY_MS), abortController);
  }
}
