/**
 * Wakes by BullMQ, so that any replica may answer them, also when the one that armed them is gone. Redis only wakes us
 * sooner: whatever it does not take, at once or for hours, this process wakes by its own timers, and what both forget the
 * sweep finds. Nothing here throws or waits because of Redis.
 */
import { Queue } from 'bullmq';
import type { Log, Time, WakeQueue } from '../../application/ports.ts';
import type { Instant, WakeReason } from '../../domain/index.ts';
import { type RedisAddress, RedisClients } from './redis-clients.ts';
import { isRefusal, RedisFault, redisFault } from './redis-faults.ts';
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

const REASONS = ['deadline', 'call'] as const;

type Lane = { readonly wakes: WakeLane; readonly worker: WakeWorker; readonly queue: Queue };

type Finder = 'add' | 'inspect' | 'memory' | `${'read' | 'settle'} ${WakeReason}`;

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
  /** Told when Redis is there and when it is lost, once each time. */
  readonly onState?: (isUp: boolean) => void;
};

export class BullmqWakeQueue implements WakeQueue {
  readonly #given: Given;
  readonly #clients: RedisClients;
  readonly #lanes: { readonly [reason in WakeReason]: Lane };
  #state: 'starting' | 'up' | 'down' | 'closed' = 'starting';
  /** Redis answers, but not as it should: until it takes a bulk, or until it is connected anew. */
  #refuses: 'no' | 'until-added' | 'until-ready' = 'no';
  /** What is wrong although Redis is connected, by the work that found it. */
  readonly #faults = new Map<Finder, Error>();
  /** Of the connections, since they were last complete. */
  #lastError: Error | null = null;
  /** Causes that were logged since the queue was last up. */
  readonly #logged = new Set<string>();
  /** Since it was last connected, and found usable. */
  #isInspected = false;
  #cancelInspection = () => {};

  constructor(given: Given) {
    // In a cluster, all keys of a script must be in one slot: that of the text in braces.
    const isCluster = redisTargetOf(given.redisUrl).kind === 'cluster';
    this.#given = isCluster ? { ...given, prefix: `{${given.prefix}}` } : given;
    this.#clients = new RedisClients({ ...given, onChange: (error) => this.#connectionChanged(error) });
    this.#lanes = { deadline: this.#lane('deadline'), call: this.#lane('call') };
    this.#clients.producer.on('ready', () => this.#connected());
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get whyDown(): string | null {
    if (this.isUp) return null;
    const fault = this.#fault;
    const follows = this.#isUsed
      ? 'it is used, but wakes may be late or lost'
      : 'transactions go on, woken by the timers of this process and by the recovery scan';
    return `${capitalized(fault === null ? 'Redis cannot be reached' : redisFault(fault))}: ${follows}`;
  }

  wakeAt(gid: string, seq: number, when: Instant, reason: WakeReason): void {
    if (this.#state === 'closed') return;
    const { wakes, worker } = this.#lanes[reason];
    const farthest = this.#given.time.now().earliest + MAX_AHEAD_MS;
    const wake = { gid, seq, when: when <= farthest ? when : farthest - (farthest % AHEAD_STEP_MS) };
    // The very wake that is being answered cannot be armed again before Redis has forgotten it.
    const canAdd = this.#takes(reason) && !worker.isUnderWork(jobIdOf(wake));
    if (!canAdd || !wakes.take(wake)) this.#given.fallback.wakeAt(gid, seq, when, reason);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
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
      onRead: (fault) => this.#found(`read ${reason}`, fault),
      onSettled: (fault) => this.#found(`settle ${reason}`, fault),
    });
    return { wakes, worker, queue };
  }

  #added(): void {
    if (this.#refuses === 'until-added') this.#refuses = 'no';
    this.#found('add', null);
  }

  #refused(reason: WakeReason, wakes: readonly Wake[], error: unknown): void {
    if (this.#state === 'closed') return;
    for (const { gid, seq, when } of wakes) this.#given.fallback.wakeAt(gid, seq, when, reason);
    if (isRefusal(error)) {
      this.#refuses = 'until-added';
      this.#found('add', error);
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
    if (this.#clients.producer.status !== 'ready') this.#isInspected = false;
    // What Redis said explains why the connection ended; that it ended explains nothing.
    const explains =
      isRefusal(error) || error instanceof RedisFault || (error instanceof Error && 'code' in error);
    if (explains || this.#lastError === null) this.#lastError = error as Error | null;
    this.#changed(error);
  }

  #connected(): void {
    if (this.#refuses === 'until-ready') this.#refuses = 'no';
    // What it refused before is found again if it still does.
    this.#faults.clear();
    this.#isInspected = false;
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
        else if (this.#faults.has('inspect')) worker.pause();
      }
      await this.#inspectBy('memory', inspectMemory(producer));
      this.#isInspected ||= isUsable;
      if (isUsable) for (const reason of REASONS) this.#faults.delete(`settle ${reason}`);
      this.#changed(null);
    }
    if (this.#state === 'closed') return;
    this.#cancelInspection();
    this.#cancelInspection = time.after(INSPECTION_INTERVAL_MS, () => void this.#inspect());
  }

  /** Without an answer nothing is known; what arms a wake finds out why. */
  #inspectBy(finder: Finder, done: Promise<void>): Promise<boolean> {
    return done.then(
      () => this.#found(finder, null) ?? true,
      (error) => {
        if (isRefusal(error) || error instanceof RedisFault) this.#found(finder, error);
        return false;
      },
    );
  }

  #found(finder: Finder, fault: Error | null): void {
    if (fault === null) this.#faults.delete(finder);
    else this.#faults.set(finder, fault);
    this.#changed(fault);
  }

  get #isConnected(): boolean {
    return this.#clients.areReady && this.#refuses !== 'until-ready';
  }

  #takes(reason: WakeReason): boolean {
    const isRefused = this.#faults.has('inspect') || this.#faults.has(`read ${reason}`);
    return this.#canAdd && this.#isInspected && !isRefused;
  }

  /** Although something is wrong. */
  get #isUsed(): boolean {
    return this.#isConnected && [...this.#faults.keys()].every((finder) => finder === 'memory');
  }

  get #fault(): Error | null {
    const found = this.#faults.values().next().value ?? null;
    return this.#isConnected ? found : (this.#lastError ?? found);
  }

  /** One line for each cause since Redis was usable, however often it is tried meanwhile. */
  #changed(error: unknown): void {
    if (this.#state === 'closed') return;
    const isUp = this.#isConnected && this.#isInspected && this.#faults.size === 0;
    if (isUp !== this.isUp || (this.#state === 'starting' && error !== null)) {
      this.#state = isUp ? 'up' : 'down';
      this.#given.onState?.(isUp);
    }
    if (isUp) {
      this.#logged.clear();
      this.#lastError = null;
    } else if (this.#state === 'down') this.#logCause();
  }

  #logCause(): void {
    const fault = this.#fault;
    // Not inspected yet, nothing is known to be wrong.
    if (fault === null && this.#isConnected) return;
    // When the connections are back, what was wrong with them is over.
    if (fault === null && this.#logged.size > 0) return;
    const cause = fault === null ? 'Redis cannot be reached' : redisFault(fault);
    if (this.#logged.has(cause)) return;
    this.#logged.add(cause);
    const what = this.#isUsed
      ? 'Redis is used, but not as it should be'
      : 'Redis unavailable: this process falls back to its own timers';
    this.#given.log.error(what, new Error(`${cause} (${this.#reasonOf(fault).message})`));
  }

  /** The message only: the error of a refused log-in carries the password, and a message might. */
  #reasonOf(error: unknown): Error {
    const { message, cause } = (error ?? new Error('the connection was closed')) as Error;
    const { password } = this.#clients;
    const text = (cause as Error | undefined)?.message ?? message;
    return new Error(password ? text.replaceAll(password, '***') : text);
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

const capitalized = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}`;
