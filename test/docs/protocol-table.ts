/** The state × event table of docs/protocol.md, read off `transition` itself. */
import {
  type Event,
  type GlobalTransaction,
  isParked,
  type Reply,
  transition,
} from '../../src/domain/index.ts';
import { after, begun, policy } from '../support/saves.ts';

const BEGAN = begun('0193f000-0000-7000-8000-000000000001').beganAt;
const early = { earliest: BEGAN, latest: BEGAN };
const late = { earliest: BEGAN + 60_000, latest: BEGAN + 60_000 };

type State = GlobalTransaction | null;
/** Null where the event cannot come in that state. */
type Case = readonly [name: string, eventIn: (tx: State) => { event: Event; tx: State } | null];

const declared = begun('0193f000-0000-7000-8000-000000000001');
const interactive: GlobalTransaction = { ...declared, mode: 'interactive' };
const confirming = hearTry(hearTry(declared, 'a', 'succeeded'), 'b', 'succeeded');
const cancelling = after(declared, { type: 'cancelRequested', now: early });
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
  ['try failed', hear('try', 'failed')],
  ['try unknown or ongoing', hear('try', 'unknown')],
  ['phase two succeeded, others open', hear('phaseTwo', 'succeeded')],
  ['phase two succeeded, the last', hear('phaseTwo', 'succeeded', (tx) => succeed(tx, 'b'))],
  ['phase two unknown, failed or ongoing', hear('phaseTwo', 'unknown')],
  ['phase two unknown, budget spent', hear('phaseTwo', 'unknown', spendBudget)],
  ['retryRequested', plain({ type: 'retryRequested', participant: null, now: early })],
];

export function protocolTable(): string {
  const head = ['event', ...STATES.map(([name]) => name)];
  const rows = CASES.map(([name, eventIn]) => [name, ...STATES.map(([, state]) => cell(state, eventIn))]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(state: State, eventIn: Case[1]): string {
  const given = eventIn(state);
  if (given === null) return '—';
  const verdict = transition(given.tx, given.event);
  if (!verdict.accepted) return `\`${verdict.code}\``;
  if (verdict.tx === given.tx) return 'same';
  const { status, decision, branches } = verdict.tx;
  if (status === given.tx?.status) {
    if (isParked(verdict.tx)) return 'parked';
    return branches.some(({ lateTryCount }) => lateTryCount > 0) ? 'cancelled once more' : 'noted';
  }
  const reason = decision && decision !== given.tx?.decision ? `, ${decision.reason}` : '';
  return `→ **${status}**${reason}`;
}

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────

function begunWith(bodyHash: string): Event {
  const { gid, mode, name, businessKey, traceparent, branches } = declared;
  const specs = branches.map(({ branchId, participant, activity, payload, bodyHash: hash, policy: own }) => ({
    ...{ branchId, participant, activity, payload, bodyHash: hash, policy: own },
  }));
  const given = { gid, mode, name, businessKey, traceparent, bodyHash, policy };
  return { type: 'begun', ...given, timeoutMs: 30_000, branches: specs, now: early };
}

function registered(branchId: string, bodyHash: string): Event {
  const branch = {
    branchId,
    participant: 'inventory',
    activity: 'reserve',
    payload: '{}',
    bodyHash,
    policy: null,
  };
  return { type: 'branchRegistered', branch, now: early };
}

/** A reply for branch `a`, where its call can have been made; `first` brings the state to where it matters. */
function hear(phase: 'try' | 'phaseTwo', reply: Reply, first = (tx: GlobalTransaction) => tx): Case[1] {
  return (tx) => {
    if (tx === null || (phase === 'try' && tx.mode === 'interactive' && tx.decision === null)) return null;
    const op = phase === 'try' ? 'try' : tx.decision?.decision;
    if (op === undefined) return null;
    const isOpen = tx.decision === null || tx.finishedAt === null;
    const state = isOpen ? first(tx) : tx;
    return { tx: state, event: replied('a', op, reply) };
  };
}

function replied(branchId: string, op: 'try' | 'confirm' | 'cancel', reply: Reply): Event {
  const heard = { branchId, op, reply, answer: '200', durationMs: 10, retryAfterMs: null, chance: 0.5 };
  return { type: 'replied', ...heard, now: early };
}

function hearTry(tx: GlobalTransaction, branchId: string, reply: Reply): GlobalTransaction {
  return tx.decision === null ? after(tx, replied(branchId, 'try', reply)) : tx;
}

function succeed(tx: GlobalTransaction, branchId: string): GlobalTransaction {
  return after(tx, replied(branchId, tx.decision?.decision ?? 'try', 'succeeded'));
}

function spendBudget(tx: GlobalTransaction): GlobalTransaction {
  const op = tx.decision?.decision ?? 'try';
  const answers = Array.from({ length: policy.retry.budget - 1 }, () => replied('a', op, 'unknown'));
  return answers.reduce(after, tx);
}
