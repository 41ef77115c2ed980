/**
 * Wakes by BullMQ, so that any replica may answer them, also when the one that armed them is gone. Redis only wakes us
 * sooner: whatever it does not take, at once or for hours, this process wakes by its own timers, and what both forget the
 * sweep finds. Nothing here throws or waits because of Redis.
 */
import { Queue } from 'bullmq';
import type { Log, Time, WakeQueue } from '../../application/ports.ts';
import type { Instant, WakeReason } from '../../domain/index.ts';
import { isRefusal, type RedisAddress, RedisClients } from './redis-clients.ts';
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
const QUEUE_NAMES = { deadline: 'deadlines', call: 'calls' } as const;

type Lane = { readonly wakes: WakeLane; readonly worker: WakeWorker; readonly queue: Queue };

type Given = RedisAddress & {
  /** What all keys in Redis begin with. */
  readonly prefix: string;
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
  #mayEvict = false;

  constructor(given: Given) {
    this.#given = given;
    this.#clients = new RedisClients({ ...given, onChange: (error) => this.#changed(error) });
    this.#lanes = { deadline: this.#lane('deadline'), call: this.#lane('call') };
    this.#clients.producer.on('ready', () => this.#connected());
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  wakeAt(gid: string, seq: number, when: Instant, reason: WakeReason): void {
    if (this.#state === 'closed') return;
    const { wakes, worker } = this.#lanes[reason];
    const farthest = this.#given.time.now().earliest + MAX_AHEAD_MS;
    const wake = { gid, seq, when: when <= farthest ? when : farthest - (farthest % AHEAD_STEP_MS) };
    // The very wake that is being answered cannot be armed again before Redis has forgotten it.
    const canAdd = this.#canAdd && !worker.isUnderWork(jobIdOf(wake));
    if (!canAdd || !wakes.take(wake)) this.#given.fallback.wakeAt(gid, seq, when, reason);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
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
    const { prefix, time, onWake, log } = this.#given;
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
      onTrouble: (error) => log.error(`wake-up queue ${name} cannot be read`, this.#reasonOf(error)),
    });
    return { wakes, worker, queue };
  }

  #added(): void {
    if (this.#refuses === 'until-added') this.#refuses = 'no';
    this.#changed(null);
  }

  #refused(reason: WakeReason, wakes: readonly Wake[], error: unknown): void {
    if (this.#state === 'closed') return;
    for (const { gid, seq, when } of wakes) this.#given.fallback.wakeAt(gid, seq, when, reason);
    if (isRefusal(error)) this.#refuses = 'until-added';
    else if (this.#refuses !== 'until-ready') {
      // No answer, or no connection: the next wakes need not wait for the same.
      this.#refuses = 'until-ready';
      this.#clients.reconnect();
    }
    this.#changed(error);
  }

  #connected(): void {
    if (this.#refuses === 'until-ready') this.#refuses = 'no';
    this.#changed(null);
    this.#clients.producer.info('memory').then(
      (memory) => {
        // Full, it would drop wakes of its own accord. Other policies spare keys that do not expire, as wakes are.
        this.#mayEvict = /^maxmemory_policy:allkeys-/m.test(memory) && !/^maxmemory:0\s*$/m.test(memory);
        this.#changed(this.#mayEvict ? new Error('its maxmemory-policy lets it drop any key') : null);
      },
      // Not everyone may ask; whether it answers at all is found out by those who need it.
      () => {},
    );
  }

  /** One line when Redis is lost, however often it is tried meanwhile. */
  #changed(error: unknown): void {
    if (this.#state === 'closed') return;
    const isUp = this.#clients.areReady && this.#refuses === 'no' && !this.#mayEvict;
    if (isUp === this.isUp) {
      // At start nothing is lost before something went wrong.
      if (isUp || this.#state === 'down' || error === null) return;
    }
    this.#state = isUp ? 'up' : 'down';
    if (!isUp)
      this.#given.log.error(
        'Redis unavailable: this process falls back to its own timers',
        this.#reasonOf(error),
      );
    this.#given.onState?.(isUp);
  }

  /** The message only: the error of a refused log-in carries the password, and a message might. */
  #reasonOf(error: unknown): Error {
    const { message } = (error ?? new Error('the connection was closed')) as Error;
    const { password } = this.#clients.producer.options;
    return new Error(password ? message.replaceAll(password, '***') : message);
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
