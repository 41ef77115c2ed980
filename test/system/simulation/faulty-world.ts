/**
 * A whole system in one process and in virtual time: two replicas of the real engine on one store, participants behind
 * a network that loses, repeats and delays, a database that answers late or not at all, and replicas that die.
 *
 * Everything random comes from one seed, so a world that goes wrong can be run again. After `faultsUntilMs` nothing
 * goes wrong any more, and every transaction must come to its end (I4).
 */
import { MemoryTransactionStore } from '../../../src/adapters/memory/transaction-store.ts';
import { InProcessWakeQueue } from '../../../src/adapters/wake/in-process.ts';
import type { Coordinator } from '../../../src/application/coordinator.ts';
import type { CompleteRequest } from '../../../src/application/complete.ts';
import type { Ports } from '../../../src/application/engine.ts';
import type { BatchWriter, HttpAnswer, ParticipantCall } from '../../../src/application/ports.ts';
import { type GlobalTransaction, isPhaseOne } from '../../../src/domain/index.ts';
import { missingSagaPrecondition } from '../../support/saga-preconditions.ts';
import { engineSettings, noLog, noObserver, registryOf, testEngine } from '../../support/engine.ts';
import { type Fault, FaultWriter } from '../../support/fault-writer.ts';
import { Participants, type Delivery } from './participants.ts';
import { seededChance, VirtualClock } from '../../support/virtual-clock.ts';

export const FAULTS_UNTIL_MS = 40_000;
const FAULT = 0.12;
const CALL_TIMEOUT_MS = 2000;
const MAX_COMMIT_MS = 60;
/** Of the calls that would take effect as many are accepted, and end outside within this time. */
const ACCEPTED = 0.15;
export const MAX_OUTSIDE_MS = 6000;
/** So narrow that calls are held back in most worlds. */
const GATE = { concurrency: 20, failureCount: 4, firstOpenMs: 200, maxOpenMs: 2000 };
const backoff = { firstDelayMs: 100, maxDelayMs: 2000, budgetMs: 3_600_000 };

export const SETTINGS = engineSettings({
  policy: { callTimeoutMs: CALL_TIMEOUT_MS, retry: backoff, poll: backoff, maxRetryAfterMs: 1000 },
  gate: GATE,
  defaultTimeoutMs: 10_000,
  sweepIntervalMs: 500,
});

export type Replica = { isAlive: boolean; readonly coordinator: Coordinator };

export class FaultyWorld {
  readonly clock = new VirtualClock();
  readonly store = new MemoryTransactionStore();
  readonly chance: ReturnType<typeof seededChance>;
  readonly violations: string[] = [];
  /** What completions were answered. */
  readonly completed: string[] = [];
  readonly participants = new Participants(this.violations);
  readonly #registry = registryOf('inventory');
  readonly #calm: number;
  #replicas: Replica[] = [];
  #inFlight = 0;

  constructor(seed: number) {
    this.chance = seededChance(seed);
    this.#calm = this.clock.nowMs + FAULTS_UNTIL_MS;
    this.#replicas = [this.#newReplica(), this.#newReplica()];
    for (let death = 0; death < 4; death += 1)
      this.clock.after(this.chance.draw() * FAULTS_UNTIL_MS, this.#killOne);
  }

  anyReplica(): Replica {
    return this.#replicas[Math.floor(this.chance.draw() * this.#replicas.length)] as Replica;
  }

  get isQuiet(): boolean {
    return this.clock.nowMs > this.#calm && this.#inFlight === 0;
  }

  /** An initiator's own call. */
  tryBranch(gid: string, branchId: string): Promise<HttpAnswer> {
    const delivery = { gid, branchId, op: 'try', body: '{}', mayRefuse: true } as const;
    return this.#call(delivery, CALL_TIMEOUT_MS, Infinity);
  }

  /** A call through the network: the caller gets one answer; the participant may get the call late or twice. */
  #call(delivery: Delivery, timeoutMs: number, deadlineAt: number): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      const hear = (httpStatus: number | null, body?: string) =>
        resolve({ httpStatus, answer: `${httpStatus}`, retryAfterMs: null, ...(body && { body }) });
      this.clock.after(timeoutMs, () => hear(null));
      if (this.#goesWrong()) return;
      this.#deliver(delivery, deadlineAt, hear);
      if (this.#goesWrong()) this.#deliver(delivery, deadlineAt, () => {});
    });
  }

  /** A call is sent only after its preconditions are durable (I9, I10). */
  async #checkPreconditions(call: ParticipantCall): Promise<void> {
    const { gid, branchId, op } = call;
    const saved = await this.store.load(gid);
    const fault = saved === null ? 'came before the begin was durable' : missingPrecondition(call, saved.tx);
    if (fault !== null) this.violations.push(`I9: ${op} of ${gid}/${branchId} ${fault}`);
  }

  #deliver(delivery: Delivery, deadlineAt: number, hear: (httpStatus: number, body?: string) => void): void {
    this.#later(() => {
      if (this.#goesWrong()) return hear(503);
      const isLate = this.clock.nowMs >= deadlineAt && this.chance.is(0.5);
      const isRefused = isPhaseOne(delivery.op) && (isLate || this.#goesWrong());
      const isAccepted = this.clock.nowMs < this.#calm && this.chance.is(ACCEPTED);
      const how = isRefused ? 'refused' : isAccepted ? 'accepted' : 'usual';
      const { httpStatus, body } = this.participants.take(delivery, how);
      if (httpStatus === 202 && delivery.branchId !== null) this.#endOutside(delivery, delivery.branchId);
      // Some answers lack what later steps refer to.
      const heard = this.#goesWrong() ? '{}' : body;
      if (!this.#goesWrong()) this.#later(() => hear(httpStatus, heard));
    });
  }

  /** The work ends some time later, and then the participant tells a replica until it is answered, or forgets to. */
  #endOutside({ gid, mayRefuse }: Delivery, branchId: string): void {
    this.#inFlight += 1;
    this.clock.after(this.chance.draw() * MAX_OUTSIDE_MS, () => {
      this.#inFlight -= 1;
      const completion = this.participants.end(gid, branchId, mayRefuse && this.#goesWrong());
      if (completion !== null && !this.#goesWrong()) void this.#complete(gid, { branchId, ...completion });
    });
  }

  async #complete(gid: string, completion: CompleteRequest): Promise<void> {
    this.#inFlight += 1;
    for (let isAnswered = false; !isAnswered; ) {
      const silence = new Promise<null>((resolve) => this.clock.after(CALL_TIMEOUT_MS, () => resolve(null)));
      const { coordinator } = this.anyReplica();
      const answer = await Promise.race([coordinator.complete(gid, completion).catch(() => null), silence]);
      // An answer that is lost is asked for again, and so the completion comes again.
      isAnswered = answer !== null && !this.#goesWrong();
      if (isAnswered && answer) this.completed.push(answer.accepted ? 'accepted' : answer.code);
    }
    this.#inFlight -= 1;
  }

  /** After some milliseconds, or long after everybody gave up. */
  #later(fn: () => void): void {
    const delayMs = this.chance.draw() * (this.#goesWrong() ? 20_000 : 50);
    this.#inFlight += 1;
    this.clock.after(delayMs, () => {
      this.#inFlight -= 1;
      fn();
    });
  }

  #goesWrong(): boolean {
    return this.clock.nowMs < this.#calm && this.chance.is(FAULT);
  }

  readonly #killOne = (): void => {
    const index = Math.floor(this.chance.draw() * this.#replicas.length);
    (this.#replicas[index] as Replica).isAlive = false;
    this.#replicas[index] = this.#newReplica();
  };

  #newReplica(): Replica {
    const life = { isAlive: true };
    const time = this.clock.timeFor(life);
    const never = new Promise<never>(() => {});
    const whileAlive = <T>(answer: Promise<T>) => answer.then((value) => (life.isAlive ? value : never));
    const ports: Ports = {
      store: {
        load: (gid) => whileAlive(this.store.load(gid)),
        journalOf: (gid) => whileAlive(this.store.journalOf(gid)),
        gidOfBeginKey: (key) => whileAlive(this.store.gidOfBeginKey(key)),
        bindBeginKey: (...asked) => whileAlive(this.store.bindBeginKey(...asked)),
        claimDue: (claim) => whileAlive(this.store.claimDue(claim)),
        findEnds: (gids) => whileAlive(this.store.findEnds(gids)),
        removeFinished: (...asked) => whileAlive(this.store.removeFinished(...asked)),
        endOfPage: (...asked) => whileAlive(this.store.endOfPage(...asked)),
        release: (gid) => whileAlive(this.store.release(gid)),
        redate: (rows) => whileAlive(this.store.redate(rows)),
        list: (filter) => whileAlive(this.store.list(filter)),
        searchEnd: () => whileAlive(this.store.searchEnd()),
        gidsWaitingFor: (...asked) => whileAlive(this.store.gidsWaitingFor(...asked)),
        countUnfinished: (since) => whileAlive(this.store.countUnfinished(since)),
        check: () => this.store.check(),
      },
      writer: this.#faultyWriter(life),
      resumptions: this.store.resumptions,
      registry: this.#registry,
      participants: {
        call: (call: ParticipantCall) => {
          void this.#checkPreconditions(call);
          const { gid, branchId, op, payload: body, kind, timeoutMs, deadlineAt } = call;
          const delivery = { gid, branchId, op, body, mayRefuse: kind !== 'final' };
          return whileAlive(this.#call(delivery, timeoutMs, deadlineAt));
        },
      },
      wakes: (onWake) => new InProcessWakeQueue({ time, onWake }),
      time,
      chance: this.chance,
      log: noLog,
      observer: noObserver,
    };
    const { coordinator, sweep, recovery } = testEngine({ ...ports, settings: SETTINGS });
    sweep.start();
    recovery.start();
    return Object.assign(life, { coordinator });
  }

  #faultyWriter(life: { isAlive: boolean }): BatchWriter {
    const faults: Fault[] = [
      'transient',
      'unknown, not written',
      'unknown, written',
      'unknown, written late',
    ];
    const pick = (): Fault =>
      this.#goesWrong() ? (faults[Math.floor(this.chance.draw() * faults.length)] as Fault) : 'none';
    const faulty = new FaultWriter(this.store, pick);
    return {
      // A commit takes its time, and whatever else happens meanwhile happens before it is acknowledged.
      writeBatch: async (saves) => {
        const result = await faulty.writeBatch(saves);
        await new Promise<void>((resolve) => this.clock.after(this.chance.draw() * MAX_COMMIT_MS, resolve));
        return life.isAlive ? result : new Promise<never>(() => {});
      },
    };
  }
}

/** The precondition of a call that is not durable, in words; null when all are. */
function missingPrecondition({ branchId, op }: ParticipantCall, tx: GlobalTransaction): string | null {
  if (op === 'notify') return tx.finishedAt === null ? 'came before the end was durable' : null;
  if (!tx.branches.some((branch) => branch.branchId === branchId))
    return 'came before its branch was durable';
  if (op === 'action' || op === 'compensate') return missingSagaPrecondition({ branchId, op }, tx);
  return op === 'try' || tx.decision?.decision === op ? null : 'came before its decision was durable';
}
