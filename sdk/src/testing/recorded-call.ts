/** What a world keeps of each call of a participant, and what it makes of them: what took effect. */
import type { CallOp, Op } from '../../../src/wire/index.ts';

export type RecordedCall = {
  /** Who called: the coordinator, or the initiator with a try of its own. */
  readonly caller: 'coordinator' | 'initiator';
  readonly participant: string;
  /** As in the path, also where the participant serves no such thing; null where the path names no activity and op. */
  readonly activity: string | null;
  /** `notify` is the callback at the end. */
  readonly op: CallOp | null;
  /** From the headers; null where they are missing, as the branchId is of a `notify`. */
  readonly gid: string | null;
  readonly branchId: string | null;
  readonly attempt: number | null;
  /** The body, read as JSON; as text where it is none. */
  readonly payload: unknown;
  /** When it was sent, in milliseconds since 1970 by the world's clock. */
  readonly sentAt: number;
  /** The HTTP status it was answered with; null as long as it is under way. */
  readonly status: number | null;
  /** Whether the participant itself answered, or a script in its place; null as long as it is under way. */
  readonly answeredBy: 'participant' | 'script' | null;
  /** Whether the caller received the answer: not when it was lost, or came after the caller had given up. */
  readonly isHeard: boolean;
};

/**
 * What took effect for a branch: of a tcc `tried`, `confirmed` or `cancelled`, and of a step of a saga `done` or `undone`.
 * `none` also after a cancel or compensate that found nothing to undo; `both` after a confirm and a cancel, or after ops of
 * both patterns, which no participant may answer with success (I1).
 */
export type Effect = 'none' | 'tried' | 'confirmed' | 'cancelled' | 'done' | 'undone' | 'both';

/**
 * What took effect at the participant of one branch, read off what it answered with success, whether or not the
 * caller received it.
 *
 * @param answered the calls of the branch that it answered, in the order of the answers
 */
export function effectOf(answered: readonly RecordedCall[]): Effect {
  let effect: Effect = 'none';
  let isCancelled = false;
  for (const { op } of answered.filter(hasTakenEffect)) {
    if (op === null || op === 'notify') continue;
    effect = op === 'confirm' && isCancelled ? 'both' : (AFTER[op][effect] ?? 'both');
    isCancelled ||= op === 'cancel';
  }
  return effect;
}

/** What each op makes of what took effect before it; what is missing contradicts it. */
const AFTER: Readonly<Record<Op, { readonly [Before in Effect]?: Effect }>> = {
  try: { none: 'tried', tried: 'tried', cancelled: 'tried', confirmed: 'confirmed' },
  confirm: { none: 'confirmed', tried: 'confirmed', confirmed: 'confirmed' },
  cancel: { none: 'none', tried: 'cancelled', cancelled: 'cancelled' },
  action: { none: 'done', done: 'done', undone: 'done' },
  compensate: { none: 'none', done: 'undone', undone: 'undone' },
};

/** 202 says that the work goes on. No script answers with success in the participant's place. */
const hasTakenEffect = ({ status }: RecordedCall): boolean =>
  status !== null && status >= 200 && status < 300 && status !== 202;
