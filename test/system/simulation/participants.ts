/**
 * The participants of the simulation, as one object: the records of each branch, the results of its actions, received
 * callbacks, and the effects in their order. They accept some calls, and end them outside.
 */
import type { Op } from '../../../src/domain/index.ts';
import type { BranchOp } from '../../model/world.ts';
import type { Effect } from '../../support/saga-effects.ts';
import {
  accept,
  type Completion,
  NO_RECORDS,
  type Participant,
  receive,
  record,
  refuse,
} from '../../model/participant.ts';

/** One call, as it arrives. */
export type Delivery = {
  readonly gid: string;
  /** Null where it tells of the end. */
  readonly branchId: string | null;
  readonly op: Op;
  readonly body: string;
  /** False behind the pivot: what is accepted there must be done. */
  readonly mayRefuse: boolean;
};

export type Answer = { readonly httpStatus: number; readonly body?: string };

/** What a participant is sent; `from` has by step the id that it answered. */
export type SentPayload = { readonly isPivot?: boolean; readonly from?: Readonly<Record<string, string>> };

const TOLD: Answer = { httpStatus: 200 };

export class Participants {
  readonly #faults: string[];
  readonly #records = new Map<string, Participant>();
  readonly #results = new Map<string, string>();
  readonly #bodies = new Map<string, string>();
  readonly #effects = new Map<string, Effect[]>();
  readonly #told = new Set<string>();

  /** @param faults where it writes what must never happen */
  constructor(faults: string[]) {
    this.#faults = faults;
  }

  recordsOf(gid: string, branchId: string): Participant {
    return this.#records.get(`${gid}/${branchId}`) ?? NO_RECORDS;
  }

  effectsOf(gid: string): readonly Effect[] {
    return this.#effects.get(gid) ?? [];
  }

  isTold(gid: string): boolean {
    return this.#told.has(gid);
  }

  /** @param how `refused` and `accepted` are for reasons of its own; where they cannot be, it answers as usual */
  take(delivery: Delivery, how: 'usual' | 'refused' | 'accepted'): Answer {
    const { gid, branchId, op } = delivery;
    this.#checkBody(delivery);
    if (branchId === null || op === 'notify') {
      this.#told.add(gid);
      return TOLD;
    }
    const before = this.recordsOf(gid, branchId);
    const { isPivot = false } = payloadOf(delivery);
    // What a pivot has done it never takes back, nor what it has refused.
    const mayRefuse = (!isPivot || before.tries === 0) && before.accepted === null;
    const accepted = how === 'accepted' ? accept(before, op) : null;
    const { participant, status } =
      accepted !== null
        ? { participant: accepted, status: 202 }
        : how === 'refused' && mayRefuse
          ? { participant: refuse(before, isPivot), status: 409 }
          : receive(before, op);
    this.#keep(gid, branchId, op, participant);
    return { httpStatus: status, body: JSON.stringify({ id: this.#results.get(`${gid}/${branchId}`) }) };
  }

  /** Work that was accepted has ended outside; null where a cancel came first, or where it has ended before. */
  end(gid: string, branchId: string, isRefused: boolean): (Completion & { readonly result: unknown }) | null {
    const before = this.recordsOf(gid, branchId);
    const { accepted: op } = before;
    if (op === null) return null;
    const after = record(before, isRefused && (op === 'try' || op === 'action') ? 'refused' : 'succeeded');
    this.#keep(gid, branchId, op, after);
    return (
      after.completion && { ...after.completion, result: { id: this.#results.get(`${gid}/${branchId}`) } }
    );
  }

  #keep(gid: string, branchId: string, op: BranchOp, participant: Participant): void {
    const before = this.recordsOf(gid, branchId);
    this.#records.set(`${gid}/${branchId}`, participant);
    this.#log(gid, { branchId, op, isNull: participant.tombstone }, before, participant);
  }

  #log(gid: string, effect: Effect, before: Participant, after: Participant): void {
    const sumOf = ({ tries, confirms, cancels, tombstone }: Participant) =>
      tries + confirms + cancels + Number(tombstone);
    if (sumOf(before) === sumOf(after)) return;
    this.#effects.set(gid, [...this.effectsOf(gid), effect]);
    // Another one whenever the work is done anew.
    if (effect.op === 'action') this.#results.set(`${gid}/${effect.branchId}`, `r${this.#results.size}`);
  }

  /** The same in each attempt, with what the steps that it refers to have answered. */
  #checkBody(delivery: Delivery): void {
    const { gid, branchId, op, body } = delivery;
    const known = this.#bodies.get(`${gid}/${branchId}`) ?? body;
    this.#bodies.set(`${gid}/${branchId}`, known);
    if (known !== body) this.#faults.push(`${op} of ${gid}/${branchId} was sent with another body`);
    for (const [step, id] of Object.entries(payloadOf(delivery).from ?? {}))
      if (id !== this.#results.get(`${gid}/${step}`))
        this.#faults.push(`${op} of ${gid}/${branchId} was sent what ${step} did not answer`);
  }
}

const payloadOf = ({ body }: Delivery): SentPayload => JSON.parse(body);
