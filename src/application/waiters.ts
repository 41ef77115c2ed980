/**
 * Requests that wait for a transaction to end (`Prefer: wait`). An end that this process saved is told at once; one
 * that another replica reached is found by checking the store, more and more rarely: also while it is carried out here, since a call
 * of this process may hang long after the other one has ended all.
 */
import { isFinished } from '../domain/index.ts';
import type { Saved, Time, TransactionStore } from './ports.ts';

const FIRST_CHECK_MS = 500;
const MAX_CHECK_MS = 2000;
/** Whoever comes when so many wait is not kept waiting: the answer says how it stands now. */
const MAX_WAITING = 10_000;

export class Waiters {
  readonly #store: TransactionStore;
  readonly #time: Time;
  readonly #byGid = new Map<string, Set<(saved: Saved) => void>>();
  #count = 0;

  constructor(given: { store: TransactionStore; time: Time }) {
    this.#store = given.store;
    this.#time = given.time;
  }

  /** Answers the newest state known when the transaction ended or `waitMs` ran out, whichever comes first. */
  wait(from: Saved, waitMs: number): Promise<Saved> {
    if (isFinished(from.tx) || waitMs <= 0 || this.#count >= MAX_WAITING) return Promise.resolve(from);
    const { gid } = from.tx;
    const endsAtMs = this.#time.elapsedMs() + waitMs;
    let newest = from;
    let pauseMs = FIRST_CHECK_MS;
    return new Promise((resolve) => {
      const answer = (saved: Saved) => {
        cancelCheck();
        this.#forget(gid, answer);
        resolve(saved);
      };
      const check = async () => {
        const isLast = this.#time.elapsedMs() >= endsAtMs;
        newest = await this.#load(newest);
        if (isFinished(newest.tx) || isLast) answer(newest);
        else checkLater();
      };
      let cancelCheck = () => {};
      const checkLater = () => {
        const delayMs = Math.max(1, Math.min(pauseMs, endsAtMs - this.#time.elapsedMs()));
        pauseMs = Math.min(MAX_CHECK_MS, pauseMs * 2);
        cancelCheck = this.#time.after(delayMs, () => void check());
      };
      this.#remember(gid, answer);
      checkLater();
    });
  }

  finished(saved: Saved): void {
    for (const answer of [...(this.#byGid.get(saved.tx.gid) ?? [])]) answer(saved);
  }

  #load(newest: Saved): Promise<Saved> {
    return this.#store.load(newest.tx.gid).then(
      (loaded) => loaded ?? newest,
      () => newest,
    );
  }

  #remember(gid: string, answer: (saved: Saved) => void): void {
    const answers = this.#byGid.get(gid) ?? new Set();
    this.#byGid.set(gid, answers.add(answer));
    this.#count += 1;
  }

  #forget(gid: string, answer: (saved: Saved) => void): void {
    const answers = this.#byGid.get(gid);
    if (answers?.delete(answer)) this.#count -= 1;
    if (answers?.size === 0) this.#byGid.delete(gid);
  }
}
