/**
 * A participant that owes the least: records of try, confirm and cancel that commit with the work, a tombstone
 * for a cancel that found nothing, and refusals. It never looks at the clock: the deadline header only adds
 * refusals, and a refused try is explored anyway. In a saga its action is its try, and its compensate its cancel.
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
};

export const NO_RECORDS: Participant = {
  tries: 0,
  confirms: 0,
  cancels: 0,
  tombstone: false,
  refused: false,
  owedCancel: false,
};

export type Received = { readonly participant: Participant; readonly status: 200 | 409 };

const RECEIVE: { readonly [op in BranchOp]: (participant: Participant) => Received } = {
  try: receiveTry,
  confirm: receiveConfirm,
  cancel: receiveCancel,
  action: receiveTry,
  compensate: receiveCancel,
};

export function receive(participant: Participant, op: BranchOp): Received {
  const received = RECEIVE[op](participant);
  const { tries, confirms, cancels, tombstone } = received.participant;
  demand('I1', confirms === 0 || cancels === 0, 'one branch was confirmed and cancelled');
  demand('I5', tries <= 1 && confirms <= 1 && cancels <= 1, 'an op had its effect twice');
  demand('I7', !tombstone || tries + cancels === 0, 'a try had an effect after its cancel');
  return received;
}

/** One attempt is refused, and a later one may be taken; but the pivot decides for all. */
export const refuse = (participant: Participant, isPivot: boolean): Participant =>
  isPivot ? { ...participant, refused: true } : participant;

function receiveTry(participant: Participant): Received {
  if (participant.refused) return { participant, status: 409 };
  if (participant.tombstone || participant.cancels > 0) return { participant, status: 409 };
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
  if (participant.confirms > 0) return { participant: heard, status: 409 };
  if (participant.cancels > 0 || participant.tombstone) return { participant: heard, status: 200 };
  if (participant.tries === 0) return { participant: { ...heard, tombstone: true }, status: 200 };
  return { participant: { ...heard, cancels: participant.cancels + 1 }, status: 200 };
}
