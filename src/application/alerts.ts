/**
 * Alerts: tells operators, through a webhook, of transactions that need one. It finds them next to the sweep, in the
 * stored state, so an alert survives the replica that raised it.
 *
 * `runOnce` is one pass; `start` only repeats it. The rules:
 * - Once for each wait: an alert is recorded before it is sent, and forgotten when all that waited then has succeeded. No
 *   setting is asked for that, so replicas with different settings agree.
 * - At least once: a post that is not accepted is repeated, with the same id, by any replica.
 * - Bounded: a pass records at most 100 alerts and makes at most one post.
 */
import type { Call, DecisionTaken, GlobalTransaction, Instant } from '../domain/index.ts';
import type { Chance, Log, Time, TransactionStore } from './ports.ts';
import { withoutReason } from './refusal-reason.ts';
import { Repetition } from './repetition.ts';

/**
 * - `needs_attention`: a branch has waited too long for a success that must come.
 * - `callback_undelivered`: the callback of an ended transaction has not been delivered for as long.
 * - `compensation_failing`: a cancel or compensate was called too often without success.
 */
export type AlertCause = 'needs_attention' | 'callback_undelivered' | 'compensation_failing';

export type Alert = { readonly gid: string; readonly cause: AlertCause; readonly raisedAt: Instant };

/** Alerts that are sent as one post; `batchId` stays the same however often it is repeated. */
export type AlertBatch = {
  readonly batchId: string;
  readonly alerts: readonly Alert[];
};

/** What counts as a cause. */
export type AlertLimits = {
  /** What has waited since then, or earlier, waits too long. */
  readonly waitingSince: Instant;
  /** So many calls of a cancel or compensate without success are too many. */
  readonly attemptCount: number;
};

export interface AlertStore {
  /** Records up to `limit` alerts that are not recorded yet, as one batch. */
  raise(given: {
    limits: AlertLimits;
    batchId: string;
    raisedAt: Instant;
    dueAt: Instant;
    limit: number;
  }): Promise<void>;
  /** Forgets alerts of which nothing waits any more that waited when they were raised, up to `limit`. */
  forgetEnded(limit: number): Promise<void>;
  /** Forgets these. */
  forget(alerts: readonly Alert[]): Promise<void>;
  /** The batch that has been due longest, for this caller alone until `dueAt`; null when none is due. */
  claim(given: { now: Instant; dueAt: (attemptCount: number) => Instant }): Promise<AlertBatch | null>;
  /** The batch was accepted, and is never posted again. */
  markSent(batchId: string, at: Instant): Promise<void>;
}

/** An alert with the transaction as it is now, and what that waits for, in one sentence. */
export type AlertNotice = {
  readonly alert: Alert;
  readonly tx: GlobalTransaction;
  readonly explanation: string;
};

export interface AlertSender {
  /** @throws when the receiver did not accept it */
  send(batchId: string, notices: readonly AlertNotice[]): Promise<void>;
}

export type AlertsParts = {
  readonly alerts: AlertStore;
  readonly store: Pick<TransactionStore, 'load'>;
  readonly sender: AlertSender;
  readonly explain: (tx: GlobalTransaction) => string;
  readonly time: Time;
  readonly chance: Chance;
  readonly log: Log;
  /** Receives the outcome of each post. */
  readonly onPost: (outcome: 'accepted' | 'failed') => void;
  readonly attentionAfterMs: number;
  readonly attemptCount: number;
  readonly everyMs: number;
};

const MAX_ALERTS_PER_PASS = 100;
const MAX_ENDED_PER_PASS = 1000;
/** A pass over many takes long: it is idle for nine times as long, so that it uses a tenth of the database at most. */
const IDLE_SHARE = 9;
const FIRST_REPEAT_MS = 10_000;
const MAX_REPEAT_MS = 300_000;

export class Alerts {
  readonly #given: AlertsParts;
  readonly #repetition: Repetition;

  constructor(given: AlertsParts) {
    this.#given = given;
    this.#repetition = new Repetition({ ...given, pass: () => this.#pass() });
  }

  /** One pass; answers how many alerts were accepted by the receiver. */
  async runOnce(): Promise<number> {
    const { alerts, time, chance, attentionAfterMs, attemptCount } = this.#given;
    const settling = time.settle();
    if (settling !== null) await settling;
    const { earliest: now, latest: raisedAt } = time.now();
    const limits = { waitingSince: now - attentionAfterMs, attemptCount };
    await alerts.forgetEnded(MAX_ENDED_PER_PASS);
    const batchId = chance.newId();
    await alerts.raise({ limits, batchId, raisedAt, dueAt: now, limit: MAX_ALERTS_PER_PASS });
    const batch = await alerts.claim({ now, dueAt: (count) => now + repeatMs(count) });
    return batch === null ? 0 : this.#post(batch);
  }

  async #post({ batchId, alerts: claimed }: AlertBatch): Promise<number> {
    const { alerts, sender, time, onPost } = this.#given;
    const notices = await this.#noticesOf(claimed);
    if (notices.length === 0) return 0;
    try {
      await sender.send(batchId, notices);
    } catch (error) {
      onPost('failed');
      throw error;
    }
    onPost('accepted');
    await alerts.markSent(batchId, time.now().latest);
    return notices.length;
  }

  async #noticesOf(claimed: readonly Alert[]): Promise<AlertNotice[]> {
    const { alerts, log } = this.#given;
    const notices: AlertNotice[] = [];
    for (const alert of claimed) {
      try {
        const notice = await this.#noticeOf(alert);
        if (notice !== null) notices.push(notice);
      } catch (error) {
        // It must not withhold the others. Whoever can read it raises it again, in a batch with another id.
        log.error(`alert of transaction ${alert.gid} left out`, error);
        await alerts.forget([alert]);
      }
    }
    return notices;
  }

  async #noticeOf(alert: Alert): Promise<AlertNotice | null> {
    const { store, explain } = this.#given;
    const loaded = await store.load(alert.gid);
    return loaded && { alert, tx: loaded.tx, explanation: explain(withoutReasons(loaded.tx)) };
  }

  start(): void {
    this.#repetition.start();
  }

  stop(): void {
    this.#repetition.stop();
  }

  async #pass(): Promise<number> {
    const { log, time, everyMs } = this.#given;
    const beganAtMs = time.elapsedMs();
    await this.runOnce().catch((error: unknown) => {
      if (!this.#repetition.isStopped) log.error('alerts could not be sent: they are sent again', error);
    });
    return Math.max(everyMs, IDLE_SHARE * (time.elapsedMs() - beganAtMs));
  }
}

/**
 * Without the reasons of participants and the note of a cancel: what the receiver passes on is read by others than the operators
 * of the coordinator, who find them in its API.
 */
const withoutReasons = ({ decision, ...tx }: GlobalTransaction): GlobalTransaction => ({
  ...tx,
  decision: decision && withoutNote(decision),
  branches: tx.branches.map((branch) => ({
    ...branch,
    phaseOne: unexplained(branch.phaseOne),
    phaseTwo: unexplained(branch.phaseTwo),
  })),
});

const withoutNote = ({ note: _note, ...decision }: DecisionTaken): DecisionTaken => decision;

const unexplained = (call: Call): Call =>
  call.answer === null ? call : { ...call, answer: withoutReason(call.answer) };

const repeatMs = (attemptCount: number): number =>
  Math.min(MAX_REPEAT_MS, FIRST_REPEAT_MS * 2 ** Math.min(attemptCount, 10));
