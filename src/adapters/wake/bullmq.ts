/**
 * Wakes by BullMQ, so that any replica may answer them, also when the one that armed them is gone. Redis only wakes us
 * sooner: whatever it does not take, at once or for hours, this process wakes by its own timers, and what both forget the
 * sweep finds. Nothing here throws or waits because of Redis.
 */
import { Queue } from 'bullmq';
import type { Log, Time, WakeQueue } from '../../application/ports.ts';
import type { Instant, WakeReason } from '../../domain/index.ts';
import { type RedisAddress, RedisClients } from './redis-clients.ts';
import { isRefusal, RedisFault } from './redis-faults.ts';
import { type Finder, RedisHealth } from './redis-health.ts';
import { inspectMark, inspectMemory, inspectRights } from './redis-inspection.ts';
import { redisTargetOf } from './redis-url.ts';
import { jobIdOf, type Wake, WakeLane } from './wake-lane.ts';
import { WakeWorker } from './wake-worker.ts';

const CLOSE_TIMEOUT_MS = 2000;
/**
 * A job stays in Redis until it is due, also when its transaction has ended. A wake that is farther ahead is armed for about
 * a day from now. The replica that it wakes finds nothing due, and arms the next one.
 */
const MAX_AHEAD_MS = 86_400_000;
/** To full hours, so that several replicas arm the same job. */
const AHEAD_STEP_MS = 3_600_000;
/** How often the policy and the rights are checked, which change without a new connection. */
const INSPECTION_INTERVAL_MS = 10_000;
const QUEUE_NAMES = { deadline: 'deadlines', call: 'calls' } as const;

type Lane = { readonly wakes: WakeLane; readonly worker: WakeWorker; readonly queue: Queue };

type Given = RedisAddress & {
  /** What all keys in Redis begin with. */
  readonly prefix: string;
  /** Another database's coordinators may not share the prefix. */
  readonly databaseId: string;
  readonly time: Time;
  /** Takes what Redis does not; closed with this queue. */
  readonly fallback: WakeQueue;
  readonly onWake: (gid: string) => void;
  readonly log: Log;
  /** Called when Redis is there and when it is lost, once each time. */
  readonly onState?: (isUp: boolean) => void;
};

export class BullmqWakeQueue implements WakeQueue {
  readonly #given: Given;
  readonly #clients: RedisClients;
  readonly #lanes: { readonly [reason in WakeReason]: Lane };
  readonly #health: RedisHealth;
  #isClosed = false;
  /** Redis answers, but not as it should: until it takes a bulk, or until it is connected anew. */
  #refuses: 'no' | 'until-added' | 'until-ready' = 'no';
  #cancelInspection = () => {};

  constructor(given: Given) {
    // In a cluster, all keys of a script must be in one slot: that of the text in braces.
    const isCluster = redisTargetOf(given.redisUrl).kind === 'cluster';
    this.#given = isCluster ? { ...given, prefix: `{${given.prefix}}` } : given;
    this.#clients = new RedisClients({ ...given, onChange: (error) => this.#connectionChanged(error) });
    this.#health = new RedisHealth({
      ...given,
      password: this.#clients.password,
      isConnected: () => this.#isConnected,
    });
    this.#lanes = { deadline: this.#lane('deadline'), call: this.#lane('call') };
    this.#clients.producer.on('ready', () => this.#connected());
  }

  get isUp(): boolean {
    return this.#health.isUp;
  }

  get whyDown(): string | null {
    return this.#health.whyDown;
  }

  wakeAt(gid: string, seq: number, when: Instant, reason: WakeReason): void {
    if (this.#isClosed) return;
    const { wakes, worker } = this.#lanes[reason];
    const farthest = this.#given.time.now().earliest + MAX_AHEAD_MS;
    const wake = { gid, seq, when: when <= farthest ? when : farthest - (farthest % AHEAD_STEP_MS) };
    // The very wake that is being answered cannot be armed again before Redis has forgotten it.
    const canAdd = this.#takes(reason) && !worker.isUnderWork(jobIdOf(wake));
    if (!canAdd || !wakes.take(wake)) this.#given.fallback.wakeAt(gid, seq, when, reason);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#health.close();
    this.#cancelInspection();
    await this.#given.fallback.close();
    const lanes = Object.values(this.#lanes);
    // A worker settles what it has taken, but it would wait for ever for a Redis that is gone.
    const isForced = !this.#clients.areReady;
    const workersClosed = Promise.allSettled(lanes.map(({ worker }) => worker.close(isForced)));
    if (!isForced) await this.#atMost(CLOSE_TIMEOUT_MS, workersClosed);
    const queuesClosed = Promise.allSettled(lanes.map(({ queue }) => queue.close()));
    await this.#atMost(CLOSE_TIMEOUT_MS, Promise.all([this.#clients.close(), workersClosed, queuesClosed]));
  }

  get #canAdd(): boolean {
    return this.#clients.producer.status === 'ready' && this.#refuses !== 'until-ready';
  }

  #lane(reason: WakeReason): Lane {
    const { prefix, time, onWake } = this.#given;
    const { producer, consumer } = this.#clients;
    const name = QUEUE_NAMES[reason];
    const queue = new Queue(name, {
      prefix,
      connection: producer,
      // Else a Redis that is lost while it is asked for its version would leave the queue unusable for good.
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    // The connection's errors are heard where it is made.
    queue.on('error', () => {});
    const wakes = new WakeLane({
      queue,
      time,
      onAdded: () => this.#added(),
      onRefused: (refused, error) => this.#refused(reason, refused, error),
    });
    const worker = new WakeWorker({
      name,
      prefix,
      onWake,
      connection: consumer,
      onRead: (fault) => this.#health.found(`read ${reason}`, fault),
      onSettled: (fault) => this.#health.found(`settle ${reason}`, fault),
    });
    return { wakes, worker, queue };
  }

  #added(): void {
    if (this.#refuses === 'until-added') this.#refuses = 'no';
    this.#health.found('add', null);
  }

  #refused(reason: WakeReason, wakes: readonly Wake[], error: unknown): void {
    if (this.#isClosed) return;
    for (const { gid, seq, when } of wakes) this.#given.fallback.wakeAt(gid, seq, when, reason);
    if (isRefusal(error)) {
      this.#refuses = 'until-added';
      this.#health.found('add', error);
      return;
    }
    if (this.#refuses !== 'until-ready') {
      // No answer, or no connection: the next wakes need not wait for the same.
      this.#refuses = 'until-ready';
      this.#clients.reconnect();
    }
    this.#connectionChanged(error);
  }

  #connectionChanged(error: unknown): void {
    if (this.#clients.producer.status !== 'ready') this.#health.isInspected = false;
    this.#health.connectionChanged(error);
  }

  #connected(): void {
    if (this.#refuses === 'until-ready') this.#refuses = 'no';
    this.#health.begin();
    void this.#inspect();
  }

  async #inspect(): Promise<void> {
    const { prefix, databaseId, time } = this.#given;
    const { producer } = this.#clients;
    this.#cancelInspection();
    if (producer.status === 'ready') {
      const inspected = inspectRights(producer, prefix).then(() => inspectMark(producer, prefix, databaseId));
      const isUsable = await this.#inspectBy('inspect', inspected);
      for (const { worker } of Object.values(this.#lanes)) {
        if (isUsable) worker.run();
        else if (this.#health.has('inspect')) worker.pause();
      }
      await this.#inspectBy('memory', inspectMemory(producer));
      this.#health.inspected(isUsable);
    }
    if (this.#isClosed) return;
    this.#cancelInspection();
    this.#cancelInspection = time.after(INSPECTION_INTERVAL_MS, () => void this.#inspect());
  }

  /** Without an answer nothing is known; what arms a wake finds out why. */
  #inspectBy(finder: Finder, done: Promise<void>): Promise<boolean> {
    return done.then(
      () => this.#health.found(finder, null) ?? true,
      (error) => {
        if (isRefusal(error) || error instanceof RedisFault) this.#health.found(finder, error);
        return false;
      },
    );
  }

  get #isConnected(): boolean {
    return this.#clients.areReady && this.#refuses !== 'until-ready';
  }

  #takes(reason: WakeReason): boolean {
    const isRefused = this.#health.has('inspect') || this.#health.has(`read ${reason}`);
    return this.#canAdd && this.#health.isInspected && !isRefused;
  }

  #atMost(limitMs: number, done: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve) => {
      const cancel = this.#given.time.after(limitMs, () => resolve(null));
      done.then((value) => {
        cancel();
        resolve(value);
      });
    });
  }
}
