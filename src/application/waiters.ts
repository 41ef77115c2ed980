/**
 * Requests that wait for a transaction to end (`Prefer: wait`). An end that this process saved is told at once; one
 * that another replica reached is found by looking.
 */
import { isFinished } from '../domain/index.ts';
import type { Saved, Time, TransactionStore } from './ports.ts';

const LOOK_EVERY_MS = 500;

export class Waiters {
  readonly #store: TransactionStore;
  readonly #time: Time;
  readonly #byGid = new Map<string, Set<(saved: Saved) => void>>();

  constructor(given: { store: TransactionStore; time: Time }) {
    this.#store = given.store;
    this.#time = given.time;
  }

  /** Answers the newest state known when the transaction ended or `waitMs` ran out, whichever comes first. */
  wait(from: Saved, waitMs: number): Promise<Saved> {
    if (isFinished(from.tx) || waitMs <= 0) return Promise.resolve(from);
    const { gid } = from.tx;
    const endsAt = this.#time.now().latest + waitMs;
    let newest = from;
    return new Promise((resolve) => {
      const answer = (saved: Saved) => {
        cancelLook();
        this.#forget(gid, answer);
        resolve(saved);
      };
      const look = async () => {
        newest = await this.#store.load(gid).then(
          (saved) => saved ?? newest,
          () => newest,
        );
        if (isFinished(newest.tx) || this.#time.now().latest >= endsAt) answer(newest);
        else lookLater();
      };
      let cancelLook = () => {};
      const lookLater = () => {
        const delayMs = Math.max(1, Math.min(LOOK_EVERY_MS, endsAt - this.#time.now().latest));
        cancelLook = this.#time.after(delayMs, () => void look());
      };
      this.#remember(gid, answer);
      lookLater();
    });
  }

  finished(saved: Saved): void {
    for (const answer of [...(this.#byGid.get(saved.tx.gid) ?? [])]) answer(saved);
  }

  #remember(gid: string, answer: (saved: Saved) => void): void {
    const answers = this.#byGid.get(gid) ?? new Set();
    this.#byGid.set(gid, answers.add(answer));
  }

  #forget(gid: string, answer: (saved: Saved) => void): void {
    const answers = this.#byGid.get(gid);
    answers?.delete(answer);
    if (answers?.size === 0) this.#byGid.delete(gid);
  }
}
