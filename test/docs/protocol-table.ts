/** The state × event table of tccs in docs/protocol.md, read off `transition` itself. */
import {
  type Branch,
  type Completed,
  type Event,
  freshCall,
  type GlobalTransaction,
  hasPlan,
  isParked,
  type Op,
  type Reply,
  transition,
} from '../../src/domain/index.ts';
import { newTransaction, policy } from '../support/saves.ts';
import { CALLS_TO_PARK, told } from '../support/transactions.ts';

const BEGAN = newTransaction('0193f000-0000-7000-8000-000000000001').beganAt;
export const early = { earliest: BEGAN, latest: BEGAN };
export const late = { earliest: BEGAN + 60_000, latest: BEGAN + 60_000 };

export type State = GlobalTransaction | null;
/** Null where the event cannot come in that state. */
type Case = readonly [name: string, eventIn: (tx: State) => { event: Event; tx: State } | null];

const declared = newTransaction('0193f000-0000-7000-8000-000000000001');
const interactive: GlobalTransaction = { ...declared, mode: 'interactive' };
const confirming = hearTry(hearTry(declared, 'a', 'succeeded'), 'b', 'succeeded');
const cancelling = told(declared, { type: 'cancelRequested', now: early });
const finish = (tx: GlobalTransaction) => succeed(succeed(tx, 'a'), 'b');

const STATES: readonly (readonly [string, State])[] = [
  ['(absent)', null],
  ['trying, declared', declared],
  ['trying, interactive', interactive],
  ['confirming', confirming],
  ['confirmed', finish(confirming)],
  ['cancelling', cancelling],
  ['cancelled', finish(cancelling)],
];

const plain =
  (event: Event) =>
  (tx: State): { event: Event; tx: State } => ({ event, tx });

const CASES: readonly Case[] = [
  ['begun', plain(begunWith(declared.bodyHash))],
  ['begun, another body', plain(begunWith('other'))],
  ['branchRegistered', plain(registered('c', 'new'))],
  ['branchRegistered, known', plain(registered('a', declared.branches[0]?.bodyHash ?? ''))],
  ['branchRegistered, another body', plain(registered('a', 'other'))],
  ['confirmRequested', plain({ type: 'confirmRequested', branchIds: null, now: early })],
  [
    'confirmRequested, another branch stands',
    plain({ type: 'confirmRequested', branchIds: ['a'], now: early }),
  ],
  ['confirmRequested, deadline over', plain({ type: 'confirmRequested', branchIds: null, now: late })],
  ['cancelRequested', plain({ type: 'cancelRequested', now: early })],
  ['deadlinePassed, too early', plain({ type: 'deadlinePassed', now: early })],
  ['deadlinePassed', plain({ type: 'deadlinePassed', now: late })],
  ['try succeeded, others open', hear('try', 'succeeded')],
  ['try succeeded, the last', hear('try', 'succeeded', (tx) => hearTry(tx, 'b', 'succeeded'))],
  ['try refused', hear('try', 'refused')],
  ['try unknown or ongoing', hear('try', 'unknown')],
  ['phase two succeeded, others open', hear('phaseTwo', 'succeeded')],
  ['phase two succeeded, the last', hear('phaseTwo', 'succeeded', (tx) => succeed(tx, 'b'))],
  ['phase two unknown, refused or ongoing', hear('phaseTwo', 'unknown')],
  ['phase two unknown, budget spent', hear('phaseTwo', 'unknown', spendBudget)],
  ['phase two ongoing, poll budget spent', hear('phaseTwo', 'ongoing', accept, late)],
  [
    'phase two ongoing, parked before',
    hear('phaseTwo', 'ongoing', (tx) => hearSecond(spendBudget(tx), 'unknown')),
  ],
  ['try completed: succeeded, others open', complete('try', 'succeeded')],
  ['try completed: succeeded, the last', complete('try', 'succeeded', (tx) => hearTry(tx, 'b', 'succeeded'))],
  ['try completed: refused', complete('try', 'refused')],
  ['try completed: as its reply was', complete('try', 'succeeded', (tx) => hearTry(tx, 'a', 'succeeded'))],
  ['try completed: not as its reply was', complete('try', 'refused', (tx) => hearTry(tx, 'a', 'succeeded'))],
  ['phase two completed: succeeded, others open', complete('phaseTwo', 'succeeded')],
  ['phase two completed: succeeded, the last', complete('phaseTwo', 'succeeded', (tx) => succeed(tx, 'b'))],
  ['phase two completed: refused', complete('phaseTwo', 'refused')],
  ['a branch completed that it does not have', plain(completed('c', 'try', 'succeeded'))],
  ['retryRequested', plain({ type: 'retryRequested', participant: null, now: early })],
  ['callback heard', notified('succeeded')],
  ['callback not heard', notified('unknown')],
  ['retryRequested, callback not heard', owing({ type: 'retryRequested', participant: null, now: early })],
];

export const protocolTable = (): string =>
  tableOf(
    STATES.map(([name]) => name),
    CASES.map(([name, eventIn]) => [
      name,
      ...STATES.map(([, state]) => {
        const given = eventIn(state);
        return given === null ? '—' : outcomeInEachMode(given.tx, given.event);
      }),
    ]),
  );

export function tableOf(states: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = ['event', ...states];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Once decided, both modes have one column: where they differ, it says both. */
function outcomeInEachMode(tx: State, event: Event): string {
  const ofState = outcome(tx, event);
  if (tx === null || tx.decision === null) return ofState;
  const ofInteractive = outcome(interactiveOf(tx, event), event);
  return ofInteractive === ofState ? ofState : `${ofState}; interactive: ${ofInteractive}`;
}

/** No reply to a try is heard there, so none can be completed. */
function interactiveOf(tx: GlobalTransaction, event: Event): GlobalTransaction {
  const isOfTry = event.type === 'completed' && event.op === 'try';
  const unheard = (branch: Branch): Branch => ({ ...branch, phaseOne: freshCall(BEGAN) });
  return { ...tx, mode: 'interactive', ...(isOfTry && { branches: tx.branches.map(unheard) }) };
}

/** What the event makes of the state, in a few words. */
export function outcome(before: State, event: Event): string {
  const verdict = transition(before, event);
  if (!verdict.accepted) return `\`${verdict.code}\`${verdict.noted === undefined ? '' : ', noted'}`;
  const { tx } = verdict;
  if (tx === before) return 'same';
  if (tx.status === before?.status) {
    if (isParked(tx)) return 'parked';
    if (isParked(before)) return 'no longer parked';
    if (tx.pivotStartedAt !== before.pivotStartedAt) return 'noted, the pivot is started';
    const isLate = tx.branches.some(({ lateSuccessCount }) => lateSuccessCount > 0);
    return isLate ? `${hasPlan(tx.pattern) ? 'compensated' : 'cancelled'} once more` : 'noted';
  }
  const reason = tx.decision && tx.decision !== before?.decision ? `, ${tx.decision.reason}` : '';
  return `→ **${tx.status}**${reason}`;
}

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────

function begunWith(bodyHash: string): Event {
  const { gid, pattern, mode, name, businessKey, traceparent, tracestate, callback, branches } = declared;
  const given = {
    gid,
    pattern,
    mode,
    name,
    businessKey,
    traceparent,
    tracestate,
    callback,
    bodyHash,
    policy,
  };
  return { type: 'begun', ...given, timeoutMs: 30_000, branches, now: early };
}

export function registered(branchId: string, bodyHash: string): Event {
  const branch = {
    branchId,
    participant: 'inventory',
    activity: 'reserve',
    payload: '{}',
    bodyHash,
    policy: null,
    step: null,
  };
  return { type: 'branchRegistered', branch, now: early };
}

/** Where there is somebody to be told, who has not heard yet; nobody is told before the end. */
function owing(event: Event): Case[1] {
  return (tx) => {
    if (tx === null || tx.finishedAt === null) return null;
    const callback = { participant: 'shop', activity: 'ended', callTimeoutMs: null };
    return { tx: { ...tx, callback, notification: freshCall(tx.finishedAt) }, event };
  };
}

function notified(reply: Reply): Case[1] {
  return owing(replied(null, 'notify', reply));
}

/** A reply for branch `a`, where its call can have been made; `first` brings the state to where it matters. */
function hear(
  phase: 'try' | 'phaseTwo',
  reply: Reply,
  first = (tx: GlobalTransaction) => tx,
  now = early,
): Case[1] {
  return (tx) => {
    if (tx === null || (phase === 'try' && tx.mode === 'interactive' && tx.decision === null)) return null;
    const op = phase === 'try' ? 'try' : tx.decision?.decision;
    if (op === undefined) return null;
    const isOpen = tx.decision === null || tx.finishedAt === null;
    const state = isOpen ? first(tx) : tx;
    return { tx: state, event: replied('a', op, reply, now) };
  };
}

/** Of branch `a`. Before the decision the initiator calls the tries of an interactive one, and no confirm is open. */
function complete(
  phase: 'try' | 'phaseTwo',
  reply: Completed['reply'],
  first = (tx: GlobalTransaction) => tx,
): Case[1] {
  return (tx) => {
    const op = phase === 'try' ? 'try' : (tx?.decision?.decision ?? 'confirm');
    const event = completed('a', op, reply);
    if (tx === null || tx.finishedAt !== null) return { tx, event };
    const isAtWork = phase === 'try' ? tx.mode === 'declared' : tx.decision !== null;
    return { tx: isAtWork ? first(tx) : tx, event };
  };
}

export function completed(branchId: string, op: Op, reply: Completed['reply'], now = early): Event {
  return { type: 'completed', branchId, op, reply, result: null, answer: 'completed', now };
}

export function replied(branchId: string | null, op: Op, reply: Reply, now = early): Event {
  const heard = { branchId, op, reply, result: null, answer: '200' };
  return { type: 'replied', ...heard, durationMs: 10, retryAfterMs: null, chance: 0.5, now };
}

function hearTry(tx: GlobalTransaction, branchId: string, reply: Reply): GlobalTransaction {
  return tx.decision === null ? told(tx, replied(branchId, 'try', reply)) : tx;
}

function succeed(tx: GlobalTransaction, branchId: string): GlobalTransaction {
  return told(tx, replied(branchId, tx.decision?.decision ?? 'try', 'succeeded'));
}

/** Branch `a` is accepted. */
function accept(tx: GlobalTransaction): GlobalTransaction {
  return hearSecond(tx, 'ongoing');
}

function hearSecond(tx: GlobalTransaction, reply: Reply): GlobalTransaction {
  return told(tx, replied('a', tx.decision?.decision ?? 'try', reply));
}

function spendBudget(tx: GlobalTransaction): GlobalTransaction {
  const op = tx.decision?.decision ?? 'try';
  const answers = Array.from({ length: CALLS_TO_PARK - 1 }, () => replied('a', op, 'unknown'));
  return told(tx, ...answers);
}
