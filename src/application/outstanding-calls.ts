/**
 * The calls of one transaction that this process has sent and not heard of: at most one for each branch, so that a
 * branch's cancel never overtakes this process's own try. A call ends by its time-out at the latest.
 */
import { branchReply, type GlobalTransaction, type PendingCall, type Replied } from '../domain/index.ts';
import type { Chance, ParticipantClient, Time } from './ports.ts';

export class OutstandingCalls {
  readonly #participants: ParticipantClient;
  readonly #time: Time;
  readonly #chance: Chance;
  readonly #onReply: (reply: Replied) => void;
  readonly #branchIds = new Set<string>();

  constructor(given: {
    participants: ParticipantClient;
    time: Time;
    chance: Chance;
    onReply: (reply: Replied) => void;
  }) {
    this.#participants = given.participants;
    this.#time = given.time;
    this.#chance = given.chance;
    this.#onReply = given.onReply;
  }

  get count(): number {
    return this.#branchIds.size;
  }

  /** Sends each call whose branch has none under way. */
  send(tx: GlobalTransaction, calls: readonly PendingCall[]): void {
    for (const call of calls) if (!this.#branchIds.has(call.branchId)) void this.#send(tx, call);
  }

  async #send({ gid, deadlineAt, traceparent }: GlobalTransaction, call: PendingCall): Promise<void> {
    const { branchId, op } = call;
    this.#branchIds.add(branchId);
    const { httpStatus, answer, retryAfterMs } = await this.#participants.call({
      ...call,
      gid,
      deadlineAt,
      traceparent,
    });
    this.#branchIds.delete(branchId);
    const reply = branchReply(op, httpStatus);
    const chance = this.#chance.draw();
    this.#onReply({
      type: 'replied',
      branchId,
      op,
      reply,
      answer,
      retryAfterMs,
      chance,
      now: this.#time.now(),
    });
  }
}
