/**
 * A transaction as every answer shows it. Requests carry durations, answers instants. Payloads are never shown.
 *
 * Each branch has one field for each op. A field is null as long as the coordinator has no business with that op: those of the
 * other pattern, `try` in an interactive transaction, `confirm` and `cancel` until the decision says which of them it is,
 * `compensate` unless the saga is cancelled and the step may have run.
 */
import { type Static, Type } from 'typebox';
import { CallbackRequest } from './callback.ts';
import { StepPlace } from './step.ts';
import {
  BranchId,
  count,
  Decision,
  DecisionReason,
  Gid,
  instant,
  Mode,
  name,
  nullable,
  ParticipantOrAddress,
  Pattern,
  Reply,
  Status,
} from './vocabulary.ts';

export const CallView = Type.Object(
  {
    reply: nullable(Reply),
    attemptCount: count(
      'Calls that were answered, or given up, since the last retry by an operator. From the eleventh on, those with the same ' +
        'answer are added within ten minutes, and until then nextAttemptAt may have passed.',
    ),
    nextAttemptAt: nullable(
      instant('No call before this instant; null when none is planned, and while an accepted op is polled.'),
    ),
    parkedAt: nullable(
      instant(
        'Since when its budget is spent: an operator should check. It is called about hourly. Null otherwise.',
      ),
    ),
    acceptedAt: nullable(
      instant(
        'Since when its participant is at work (202): it is polled, or completed from outside. Null otherwise.',
      ),
    ),
    answer: nullable(
      Type.String({ description: 'The last answer in a few words, such as 503; null before the first.' }),
    ),
    durationMs: nullable(
      count(
        'How long the last call took, where it left the branch waiting; null where it did not. The attempts of path and events have the duration of every call.',
      ),
    ),
  },
  {
    title: 'CallView',
    additionalProperties: false,
    description: 'The calls of one op for one branch, as one record.',
  },
);
export type CallView = Static<typeof CallView>;

export const BranchView = Type.Object(
  {
    branchId: BranchId,
    participant: ParticipantOrAddress,
    activity: name('What the branch asks of its participant.'),
    step: nullable(StepPlace),
    try: nullable(CallView),
    confirm: nullable(CallView),
    cancel: nullable(CallView),
    action: nullable(CallView),
    compensate: nullable(CallView),
    waitingSince: nullable(
      instant(
        'Since when it waits for a success that must come: of confirm, cancel or compensate, of a started pivot, or of a ' +
          'step after it. Retries and parking do not change it. Null when it waits for none.',
      ),
    ),
    lateSuccessCount: count(
      'Tries and actions that reported success after they were undone; each was undone once more.',
    ),
  },
  {
    title: 'BranchView',
    additionalProperties: false,
    description: 'One branch, and what its calls came to.',
  },
);
export type BranchView = Static<typeof BranchView>;

export const CallbackView = Type.Object(
  { ...CallbackRequest.properties, notify: nullable(CallView) },
  {
    title: 'CallbackView',
    additionalProperties: false,
    description: 'Who hears of the end; notify is null until it is reached.',
  },
);
export type CallbackView = Static<typeof CallbackView>;

export const DecisionView = Type.Object(
  {
    decision: Decision,
    reason: DecisionReason,
    decidedAt: instant('When the decision was taken.'),
    branchId: nullable(BranchId),
    note: nullable(Type.String({ description: 'The note of the cancel request; null without one.' })),
  },
  {
    title: 'DecisionView',
    additionalProperties: false,
    description: 'The decision; its branchId names the branch whose refusal led to it, where one did.',
  },
);
export type DecisionView = Static<typeof DecisionView>;

export const TransactionView = Type.Object(
  {
    gid: Gid,
    pattern: Pattern,
    mode: Mode,
    name: nullable(Type.String({ description: 'As given; null when none was.' })),
    businessKey: nullable(Type.String({ description: 'As given; null when none was.' })),
    status: Status,
    decision: nullable(DecisionView),
    beganAt: instant('When the transaction began.'),
    deadlineAt: instant('When it is cancelled if nothing was decided.'),
    finishedAt: nullable(instant('When the last branch answered; null until then.')),
    pivotStartedAt: nullable(
      instant(
        'Since when the answer of the pivot decides, and nothing else; null before, and without a pivot.',
      ),
    ),
    cancelAskedAt: nullable(
      instant('When cancel was requested while the answer of the pivot was awaited; null when none was.'),
    ),
    callback: nullable(CallbackView),
    isParked: Type.Boolean({
      description: 'True when a branch waits for an operator: its retry budget or its poll budget is spent.',
    }),
    waitingSince: nullable(
      instant(
        'The earliest waitingSince of its branches, or the end if its callback is not delivered; null when it waits for none.',
      ),
    ),
    needsAttention: Type.Boolean({
      description: 'True when it has waited longer than TERCET_ATTENTION_AFTER_MS: an operator should look.',
    }),
    traceId: nullable(
      Type.String({
        description:
          'The W3C trace id, 32 hex digits, of the begin; null when it carried none and the coordinator does not trace.',
      }),
    ),
    traceUrl: nullable(
      Type.String({ description: 'Link to that trace; null where the coordinator has no template for it.' }),
    ),
    explanation: Type.String({
      description:
        'One sentence for people: what the transaction waits for, since when, what happened last and what comes next.',
    }),
    branches: Type.Array(BranchView, { description: 'In the order of registration.' }),
  },
  {
    title: 'TransactionView',
    additionalProperties: false,
    description: 'A global transaction, as it is durable.',
  },
);
export type TransactionView = Static<typeof TransactionView>;
