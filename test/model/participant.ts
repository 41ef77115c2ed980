/**
 * A participant that owes the least: records of try, confirm and cancel that commit with the work, a tombstone
 * for a cancel that found nothing, and refusals. It never looks at the clock: the deadline header only adds
 * refusals, and a refused try is explored anyway. In a saga its action is its try, and its compensate its cancel.
 *
 * It may accept a request: that is a record, too. How the op ends is recorded later, with the work, and only then is the
 * coordinator told so.
 */
import { demand } from './violation.ts';
import type { BranchOp } from './world.ts';

export type Participant = {
  /** How often each had an effect; also the records themselves. */
  readonly tries: number;
  readonly confirms: number;
  readonly cancels: number;
  /** A cancel came before any try. */
  readonly tombstone: boolean;
  /** The pivot has refused: for good. */
  readonly refused: boolean;
  /** The coordinator heard a try succeed after its cancel had; until the next cancel it owes one more. */
  readonly owedCancel: boolean;
  /** Work goes on outside; null where none does. */
  readonly accepted: BranchOp | null;
  /** What was recorded last of such work, which the coordinator is still to be told; null where nothing is. */
  readonly completion: Completion | null;
};

export type Completion = { readonly op: BranchOp; readonly reply: 'succeeded' | 'refused' };

export const NO_RECORDS: Participant = {
  tries: 0,
  confirms: 0,
  cancels: 0,
  tombstone: false,
  refused: false,
  owedCancel: false,
  accepted: null,
  completion: null,
};

export type Received = { readonly participant: Participant; readonly status: 200 | 202 | 409 };

const RECEIVE: { readonly [op in BranchOp]: (participant: Participant) => Received } = {
  try: receiveTry,
  confirm: receiveConfirm,
  cancel: receiveCancel,
  action: receiveTry,
  compensate: receiveCancel,
};

export function receive(participant: Participant, op: BranchOp): Received {
  if (participant.accepted === op) return { participant, status: 202 };
  const received = RECEIVE[op](participant);
  checkEffects(received.participant);
  return received;
}

function checkEffects({ tries, confirms, cancels, tombstone }: Participant): void {
  demand('I1', confirms === 0 || cancels === 0, 'one branch was confirmed and cancelled');
  demand('I5', tries <= 1 && confirms <= 1 && cancels <= 1, 'an op had its effect twice');
  demand('I7', !tombstone || tries + cancels === 0, 'a try had an effect after its cancel');
}

/** What would have an effect is accepted in its place; null where the answer is known. */
export function accept(participant: Participant, op: BranchOp): Participant | null {
  const { participant: done, status } = receive(participant, op);
  const hasEffect = EFFECTS.some((effect) => done[effect] !== participant[effect]);
  if (status !== 200 || !hasEffect) return null;
  return { ...participant, owedCancel: done.owedCancel, accepted: op };
}

const EFFECTS = ['tries', 'confirms', 'cancels', 'tombstone'] as const;

/** The work that went on outside has ended: that is recorded with it, before the coordinator is told. */
export function record(participant: Participant, reply: Completion['reply']): Participant {
  const { accepted: op } = participant;
  if (op === null) throw new Error('nothing was accepted');
  const ended: Participant = { ...participant, accepted: null, completion: { op, reply } };
  const recorded = reply === 'refused' ? { ...ended, refused: true } : RECEIVE[op](ended).participant;
  checkEffects(recorded);
  return recorded;
}

/** One attempt is refused, and a later one may be taken; but the pivot decides for all. */
export const refuse = (participant: Participant, isPivot: boolean): Participant =>
  isPivot ? { ...participant, refused: true } : participant;

function receiveTry(participant: Participant): Received {
  if (participant.refused) return { participant, status: 409 };
  if (participant.tombstone || participant.cancels > 0) return { participant, status: 409 };
  if (participant.accepted === 'cancel' || participant.accepted === 'compensate')
    return { participant, status: 409 };
  if (participant.tries > 0) return { participant, status: 200 };
  return { participant: { ...participant, tries: participant.tries + 1 }, status: 200 };
}

function receiveConfirm(participant: Participant): Received {
  if (participant.tries === 0 || participant.cancels > 0) return { participant, status: 409 };
  if (participant.confirms > 0) return { participant, status: 200 };
  return { participant: { ...participant, confirms: participant.confirms + 1 }, status: 200 };
}

function receiveCancel(participant: Participant): Received {
  const heard = participant.owedCancel ? { ...participant, owedCancel: false } : participant;
  if (participant.confirms > 0 || participant.accepted === 'confirm')
    return { participant: heard, status: 409 };
  if (participant.cancels > 0 || participant.tombstone) return { participant: heard, status: 200 };
  // It ends what goes on outside, too.
  if (participant.tries === 0)
    return { participant: { ...heard, tombstone: true, accepted: null }, status: 200 };
  return { participant: { ...heard, cancels: participant.cancels + 1 }, status: 200 };
}
