/**
 * What the work of one pass asks of its SQL transaction: whether it may still ask, and what is not answered yet.
 *
 * `Promise.all` rejects while its other parts go on. Their later statements would be committed one by one, or in the SQL
 * transaction of another pass. So the gate closes as soon as the work settles, and the barrier waits for what is under
 * way before it records, commits or rolls back.
 */

export const opEnded = (): Error =>
  new Error('the op has ended: await all that is asked of sqlTx before it returns');

export class Gate {
  readonly #isConflict: (error: unknown) => boolean;
  readonly #underWay = new Set<unknown>();
  #isClosed = false;
  #hasConflict = false;
  #hasGoneOn = false;

  constructor(isConflict: (error: unknown) => boolean) {
    this.#isConflict = isConflict;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** A statement met a conflict, for which MySQL ends the whole SQL transaction. */
  get hasConflict(): boolean {
    return this.#hasConflict;
  }

  /** Another statement succeeded after it. */
  get hasGoneOn(): boolean {
    return this.#hasGoneOn;
  }

  /** @returns a promise in place of `answer`, so that a rejection that no one awaits is still reported as unhandled */
  follow(answer: unknown): unknown {
    if (!isThenable(answer)) return answer;
    this.#underWay.add(answer);
    return answer.then(
      (value) => {
        this.#underWay.delete(answer);
        this.#hasGoneOn ||= this.#hasConflict;
        return value;
      },
      (error) => {
        this.#underWay.delete(answer);
        this.#hasConflict ||= this.#isConflict(error);
        throw error;
      },
    );
  }

  /** Nothing more is asked from now on; resolves when all that was asked is answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }
}

export const isThenable = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
