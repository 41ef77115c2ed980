/** The state × event table of sagas in docs/protocol.md, read off `transition` itself. */
import type { BranchSpec, Completed, Event, GlobalTransaction, Op, Reply } from '../../src/domain/index.ts';
import { saga, step as stepOf } from '../support/sagas.ts';
import { newTransaction, policy } from '../support/saves.ts';
import { CALLS_TO_PARK, told } from '../support/transactions.ts';
import { completed, early, late, outcome, registered, replied, tableOf } from './protocol-table.ts';

const STATES = [
  ...['trying', 'trying, pivot started', 'confirming', 'confirmed', 'cancelling', 'cancelled'],
] as const;
type State = (typeof STATES)[number];
/** By state: what happens in it; what is told is what comes of the last. */
type Row = readonly [name: string, stories: Partial<Record<State, readonly Event[]>>];

/** a → b → p, the pivot → y and z, side by side. */
const trying = sagaOf([
  ...[step('a', []), step('b', ['a']), step('p', ['b'], true)],
  ...[step('y', ['p']), step('z', ['p'])],
]);
const pivotStarted = told(trying, action('a'), action('b'));
const confirming = told(pivotStarted, action('p'));
/** The action of b may be on its way. */
const cancelling = told(trying, action('a'), cancelRequested());
const STATE: Readonly<Record<State, GlobalTransaction>> = {
  trying,
  'trying, pivot started': pivotStarted,
  confirming,
  confirmed: told(confirming, action('y'), action('z')),
  cancelling,
  cancelled: told(cancelling, compensate('b'), compensate('a')),
};

const ROWS: readonly Row[] = [
  ['branchRegistered', inAll(registered('c', 'new'))],
  ['confirmRequested', inAll({ type: 'confirmRequested', branchIds: null, now: early })],
  ['cancelRequested', inAll(cancelRequested())],
  ['deadlinePassed, too early', inAll({ type: 'deadlinePassed', now: early })],
  ['deadlinePassed', inAll({ type: 'deadlinePassed', now: late })],
  [
    'action succeeded, others before the pivot to come',
    { ...heardOfA('succeeded'), ...lateOfB('succeeded') },
  ],
  ['action succeeded, the last before the pivot', { trying: [action('a'), action('b')] }],
  ['action succeeded, the last before the pivot, deadline over', { trying: [action('a'), tooLate('b')] }],
  ['action refused', { ...heardOfA('refused'), ...lateOfB('refused') }],
  ['action unknown or ongoing', { ...heardOfA('unknown'), ...lateOfB('unknown') }],
  ['pivot succeeded, whatever the deadline', heardOfPivot(tooLate('p'))],
  ['pivot refused, whatever the deadline', heardOfPivot(tooLate('p', 'refused'))],
  ['pivot unknown or ongoing', heardOfPivot(action('p', 'unknown'))],
  ['pivot unknown, budget spent', { 'trying, pivot started': spent('p', 'action') }],
  [
    'pivot ongoing, poll budget spent',
    { 'trying, pivot started': [action('p', 'ongoing'), tooLate('p', 'ongoing')] },
  ],
  ['action after the pivot succeeded, others open', afterPivot(action('y'))],
  ['action after the pivot succeeded, the last', { confirming: [action('y'), action('z')] }],
  ['action after the pivot refused, unknown or ongoing', afterPivot(action('y', 'refused'))],
  ['action after the pivot refused or unknown, budget spent', { confirming: spent('y', 'action') }],
  ['compensate succeeded, others open', onCancel(compensate('b'))],
  ['compensate succeeded, the last', { cancelling: [compensate('b'), compensate('a')] }],
  ['compensate unknown, refused or ongoing', onCancel(compensate('b', 'refused'))],
  ['compensate unknown or refused, budget spent', { cancelling: spent('b', 'compensate') }],
  [
    'action succeeded, after its compensation',
    { cancelling: [compensate('b'), action('b')], cancelled: [action('b')] },
  ],
  ['action completed: succeeded', { ...withoutCancel(complete('a')), ...onCancel(complete('b')) }],
  [
    'action completed: refused',
    { ...withoutCancel(complete('a', 'refused')), ...onCancel(complete('b', 'refused')) },
  ],
  [
    'action completed before it is called',
    { trying: [complete('b')], 'trying, pivot started': [complete('y')], cancelling: [complete('p')] },
  ],
  ['pivot completed: succeeded, whatever the deadline', heardOfPivot(complete('p', 'succeeded', late))],
  ['pivot completed: refused, whatever the deadline', heardOfPivot(complete('p', 'refused', late))],
  ['action after the pivot completed: succeeded', afterPivot(complete('y'))],
  ['action after the pivot completed: refused', afterPivot(complete('y', 'refused'))],
  ['compensate completed: succeeded', onCancel(completed('b', 'compensate', 'succeeded'))],
  ['compensate completed: refused', onCancel(completed('b', 'compensate', 'refused'))],
  ['compensate completed, without a cancel', withoutCancel(completed('b', 'compensate', 'succeeded'))],
  ['retryRequested', inAll({ type: 'retryRequested', participant: null, now: early })],
];

export const sagaTable = (): string =>
  tableOf(
    STATES,
    ROWS.map(([name, stories]) => [name, ...STATES.map((state) => cell(STATE[state], stories[state]))]),
  );

/** Without a pivot the last success decides, and ends the saga. */
export const lastWithoutPivot = (): string => outcome(sagaOf([step('a', [])]), action('a'));

function cell(state: GlobalTransaction, story: readonly Event[] = []): string {
  const event = story.at(-1);
  if (event === undefined) return '—';
  return outcome(told(state, ...story.slice(0, -1)), event);
}

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────

function inAll(event: Event): Row[1] {
  return Object.fromEntries(STATES.map((state) => [state, [event]]));
}

/** Of the first step: once it is settled, its answer comes again. */
function heardOfA(reply: Reply): Row[1] {
  return withoutCancel(action('a', reply));
}

function withoutCancel(event: Event): Row[1] {
  return { trying: [event], 'trying, pivot started': [event], confirming: [event], confirmed: [event] };
}

/** Of a step that had not been heard of when it was decided to cancel. */
function lateOfB(reply: Reply): Row[1] {
  return { cancelling: [action('b', reply)] };
}

function heardOfPivot(event: Event): Row[1] {
  return { 'trying, pivot started': [event], confirming: [event], confirmed: [event] };
}

function afterPivot(event: Event): Row[1] {
  return { confirming: [event], confirmed: [event] };
}

function onCancel(event: Event): Row[1] {
  return { cancelling: [event], cancelled: [event] };
}

function spent(branchId: string, op: Op): readonly Event[] {
  return Array.from({ length: CALLS_TO_PARK }, () => replied(branchId, op, 'unknown'));
}

function action(branchId: string, reply: Reply = 'succeeded'): Event {
  return replied(branchId, 'action', reply);
}

function complete(branchId: string, reply: Completed['reply'] = 'succeeded', now = early): Event {
  return completed(branchId, 'action', reply, now);
}

function tooLate(branchId: string, reply: Reply = 'succeeded'): Event {
  return replied(branchId, 'action', reply, late);
}

function compensate(branchId: string, reply: Reply = 'succeeded'): Event {
  return replied(branchId, 'compensate', reply);
}

function cancelRequested(): Event {
  return { type: 'cancelRequested', now: early };
}

// ── The saga ─────────────────────────────────────────────────────────────────────────────────────────────────

function sagaOf(branches: readonly BranchSpec[]): GlobalTransaction {
  const { gid, name, businessKey, traceparent, tracestate, bodyHash } = newTransaction(
    '0193f000-0000-7000-8000-000000000001',
  );
  return saga(branches, {
    gid,
    name,
    businessKey,
    traceparent,
    tracestate,
    bodyHash,
    timeoutMs: 30_000,
    policy,
    now: early,
  });
}

function step(branchId: string, dependsOn: readonly string[], isPivot = false): BranchSpec {
  const place = { dependsOn, isPivot, isCompensated: 'ab'.includes(branchId) };
  return stepOf(branchId, place, { bodyHash: branchId });
}
