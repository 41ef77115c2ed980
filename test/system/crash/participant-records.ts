/**
 * What the participants of a test keep: an account each, a record of each branch, the received callbacks, and the log of
 * effects in their order.
 *
 * A record and its work change together, in one step of this process, as they would in one SQL
 * transaction.
 */

import type { Op } from '../../../src/domain/index.ts';
import { MARKS } from '../../support/marks.ts';
import { ALL_BRANCHES } from './transaction-shapes.ts';
import type { Effect } from '../../support/saga-effects.ts';

/** What a participant has recorded of a branch. A tombstone is a cancel or compensate that found nothing to undo. */
export type WorkRecord =
  | 'nothing'
  | 'tried'
  | 'confirmed'
  | 'cancelled'
  | 'done'
  | 'refused'
  | 'compensated'
  | 'tombstone';

export type Account = {
  readonly name: string;
  readonly branchId: string;
  available: number;
  held: number;
  taken: number;
};

/** A call as it arrived; `branchId` is null where it is a callback. */
export type Call = {
  readonly gid: string;
  readonly branchId: string | null;
  readonly op: Op;
  readonly kind: string | null;
  readonly body: string;
  readonly deadlineAt: number;
};

export type Answer = { readonly status: number; readonly body?: string };

export const OK: Answer = { status: 200 };
/** With words, as a refusal may have them. */
export const NO: Answer = { status: 409, body: JSON.stringify({ detail: MARKS.detail }) };

/** What is in an account at first; enough for every transaction of a test. */
export const INITIAL = 1_000_000_000;

export class ParticipantRecords {
  /** What must never happen, and did. */
  readonly faults: string[] = [];
  readonly accounts: readonly Account[] = ALL_BRANCHES.map(({ participant, branchId }) => ({
    name: participant,
    branchId,
    available: INITIAL,
    held: 0,
    taken: 0,
  }));
  readonly #records = new Map<string, WorkRecord>();
  readonly #effects = new Map<string, Effect[]>();
  readonly #results = new Map<string, string>();
  readonly #noticeCounts = new Map<string, number>();

  recordOf(gid: string, branchId: string): WorkRecord {
    return this.#records.get(`${gid}/${branchId}`) ?? 'nothing';
  }

  effectsOf(gid: string): readonly Effect[] {
    return this.#effects.get(gid) ?? [];
  }

  /** How often the callback of the end was received. */
  noticeCountOf(gid: string): number {
    return this.#noticeCounts.get(gid) ?? 0;
  }

  hearNotice({ gid }: Call): Answer {
    this.#noticeCounts.set(gid, this.noticeCountOf(gid) + 1);
    return OK;
  }

  accountOf(branchId: string): Account {
    const account = this.accounts.find((one) => one.branchId === branchId);
    if (account === undefined) throw new Error(`no participant has branch ${branchId}`);
    return account;
  }

  /** The op took effect, or was found to have nothing to do; the record says so from now on. */
  write({ gid, branchId, op }: Call, record: WorkRecord): Answer {
    this.#records.set(`${gid}/${branchId}`, record);
    const effect = { branchId: branchId ?? '', op, isNull: record === 'tombstone' };
    if (record !== 'refused') this.#effects.set(gid, [...this.effectsOf(gid), effect]);
    return OK;
  }

  /** The id that an action answers, which is another one whenever the work is done anew. */
  newResult({ gid, branchId }: Call): void {
    this.#results.set(`${gid}/${branchId}`, `${branchId} ${this.#results.size + 1}`);
  }

  resultOf(gid: string, branchId: string): string | undefined {
    return this.#results.get(`${gid}/${branchId}`);
  }

  /** A coordinator that keeps I1 and I8 never gets this answer. */
  refuse({ gid, branchId, op }: Call): Answer {
    this.faults.push(`I1: ${op} of ${gid}/${branchId} came, and it is ${this.recordOf(gid, branchId ?? '')}`);
    return { status: 409 };
  }
}
