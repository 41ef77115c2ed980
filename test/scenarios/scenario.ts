/**
 * Runs a scenario: a pure function from a text to the same text with every trace written anew.
 *
 * Blank lines separate paragraphs. One of `#` lines is prose. Any other is a command, `----` and its trace: the event
 * and its verdict, what changed, the calls that are due, and when to check again if no reply comes before. A call stays
 * due until its reply. Instants count from the start of the text. The first retry or poll is due after 1 s. The delay
 * doubles.
 *
 *   begin tcc declared|interactive BRANCH=PARTICIPANT/ACTIVITY … [OPTION …]
 *   begin saga STEP=PARTICIPANT/ACTIVITY [after=STEP,STEP] [pivot] [uncompensated] … [OPTION …]
 *                             OPTION: timeout=30s, budget=10s, callback=PARTICIPANT/ACTIVITY, gid=g-2
 *   register BRANCH=PARTICIPANT/ACTIVITY
 *   reply BRANCH|callback OP succeeded|refused|ongoing|unknown
 *   fail BRANCH|callback OP 9 times     replies unknown, each as soon as the call is due
 *   complete BRANCH OP succeeded|refused
 *   confirm [BRANCH,BRANCH]   cancel   retry [PARTICIPANT]
 *   advance 5s                also sends deadlinePassed when it reaches the deadline
 *   show                      the state, in place of what changed
 */
import { planOf, type RequestedBranch } from '../../src/definition/plan.ts';
import type { GlobalTransaction, Instant, Now, Op, Reply } from '../../src/domain/global-transaction.ts';
import { pendingCalls } from '../../src/domain/pending-calls.ts';
import { type Begun, type Completed, type Event, transition } from '../../src/domain/transition.ts';
import { asked, cancel, expire, retry } from '../support/sagas.ts';
import { begun, completed, exactly, POLICY, replied, spec, T0 } from '../support/transactions.ts';
import { callName, seconds, stateLines } from './state-lines.ts';

/** `called`: the calls of `tx` that were due so far. Only to them can a reply come. */
type World = { tx: GlobalTransaction | null; at: Instant; readonly called: Set<string> };

export function withTraces(text: string): string {
  const world: World = { tx: null, at: T0, called: new Set() };
  const traced = (paragraph: string): string => {
    if (paragraph.split('\n').every((line) => line.startsWith('#'))) return paragraph;
    const [command = ''] = paragraph.split('\n----');
    return [command, '----', ...traceOrError(world, command)].join('\n');
  };
  return `${text.trim().split(/\n\n+/).map(traced).join('\n\n')}\n`;
}

/** An error is a trace, so that a failed comparison shows where the text and the protocol part. */
function traceOrError(world: World, command: string): readonly string[] {
  try {
    return traceOf(world, command);
  } catch (error) {
    return [`error: ${(error as Error).message}`];
  }
}

function traceOf(world: World, command: string): readonly string[] {
  const event = eventOf(world, command);
  const before = event?.type === 'begun' && event.gid !== world.tx?.gid ? null : world.tx;
  if (before === null) world.called.clear();
  const verdict = event && transition(before, event);
  world.tx = (verdict?.accepted ? verdict.tx : verdict?.noted) ?? before;
  const accepted = world.tx === before ? 'accepted, nothing changes' : 'accepted';
  const outcome = verdict?.accepted ? accepted : `rejected: ${verdict?.code}`;
  const heading = `at ${seconds(world.at)}${event ? `: ${event.type}, ${outcome}` : ''}`;
  if (world.tx === null) return [heading];
  const known = before === null || command === 'show' ? [] : stateLines(before);
  const changed = stateLines(world.tx).filter((line) => !known.includes(line));
  return [heading, ...changed, ...pendingLines(world, world.tx)];
}

function pendingLines({ at, called }: World, tx: GlobalTransaction): readonly string[] {
  const { calls, checkAgainAt, checkAgainFor } = pendingCalls(tx, exactly(at));
  for (const call of calls) called.add(callName(call));
  const due = calls.map((call) => `due: ${callName(call)}, attempt ${call.attempt}`);
  const check = checkAgainAt && `check again: at ${seconds(checkAgainAt)} (${checkAgainFor})`;
  return [...(due.length > 0 ? due : ['due: nothing']), ...(check ? [check] : [])];
}

// ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────

/** From the words in parentheses. Null where only time passes. */
type ToEvent = (world: World, now: Now, ...words: readonly string[]) => Event | null;

const COMMANDS: readonly (readonly [RegExp, ToEvent])[] = [
  [/^begin (tcc|saga)\s(.+)$/s, begin],
  [
    /^register (\S+)$/,
    (_, now, word = '') => ({ type: 'branchRegistered', branch: spec(...named(word)), now }),
  ],
  [/^reply (\S+) (\S+) (succeeded|refused|ongoing|unknown)$/, reply],
  [/^fail (\S+) (\S+) (\d+) times$/, fail],
  [/^complete (\S+) (\S+) (succeeded|refused)$/, complete],
  [
    /^confirm(?: (\S+))?$/,
    (_, now, ids) => ({ type: 'confirmRequested', branchIds: ids?.split(',') ?? null, now }),
  ],
  [/^cancel$/, (_, now) => cancel(now)],
  [/^retry(?: (\S+))?$/, (_, now, participant) => retry(now, participant)],
  [/^advance (\S+)$/, advance],
  [/^show$/, () => null],
];

function eventOf(world: World, command: string): Event | null {
  for (const [form, toEvent] of COMMANDS) {
    const found = form.exec(command);
    if (found) return toEvent(world, exactly(world.at), ...found.slice(1));
  }
  throw new Error(`not a command: ${command}`);
}

function begin(_: World, now: Now, pattern = '', text = ''): Event {
  const branches: RequestedBranch[] = [];
  const place = (more: Partial<RequestedBranch>) => branches.push({ ...branches.pop()!, ...more });
  let event = begun({
    pattern: pattern as Begun['pattern'],
    policy: policyWith(10_000),
    bodyHash: text,
    now,
  });
  for (const word of text.split(/\s+/)) {
    const [key, value = ''] = word.split('=');
    if (key === 'declared' || key === 'interactive') event = { ...event, mode: key };
    else if (key === 'gid') event = { ...event, gid: value };
    else if (key === 'timeout') event = { ...event, timeoutMs: msOf(value) };
    else if (key === 'budget') event = { ...event, policy: policyWith(msOf(value)) };
    else if (key === 'callback') event = { ...event, callback: { ...named(word)[1], callTimeoutMs: null } };
    else if (key === 'after') place({ dependsOn: value.split(',') });
    else if (key === 'pivot') place({ isPivot: true });
    else if (key === 'uncompensated') place({ isCompensated: false });
    else branches.push(asked(...named(word)));
  }
  const plan = planOf(event.pattern, branches);
  if ('code' in plan) throw new Error(`not a plan: ${plan.code} at ${plan.place}`);
  return { ...event, branches: plan };
}

function policyWith(budgetMs: number): Begun['policy'] {
  const delays = { firstDelayMs: 2_000, maxDelayMs: 60_000 };
  return { ...POLICY, retry: { ...delays, budgetMs }, poll: { ...delays, budgetMs: 600_000 } };
}

function reply({ called }: World, now: Now, branchId = '', op = '', outcome = ''): Event {
  const event = replied(branchId, op as Op, outcome as Reply, { chance: 0.5, durationMs: 0, now });
  if (!called.has(callName(event))) throw new Error('the call was never due');
  return branchId === 'callback' ? { ...event, branchId: null } : event;
}

function fail(world: World, now: Now, branchId = '', op = '', times = ''): Event {
  let event = reply(world, now, branchId, op, 'unknown');
  for (let count = 1; count < Number(times); count += 1) {
    const verdict = transition(world.tx, event);
    if (!verdict.accepted) throw new Error(`rejected: ${verdict.code}`);
    world.tx = verdict.tx;
    world.at = pendingCalls(world.tx, exactly(world.at)).checkAgainAt ?? world.at;
    event = reply(world, exactly(world.at), branchId, op, 'unknown');
  }
  return event;
}

function complete(_: World, now: Now, branchId = '', op = '', outcome = ''): Event {
  return completed(branchId, op as Op, outcome as Completed['reply'], { now });
}

function advance(world: World, { latest }: Now, duration = ''): Event | null {
  world.at += msOf(duration);
  const deadlineAt = world.tx?.deadlineAt ?? latest;
  return latest < deadlineAt && deadlineAt <= world.at ? expire(exactly(world.at)) : null;
}

function msOf(duration: string): number {
  if (!/^\d+(\.\d+)?s$/.test(duration)) throw new Error(`not a duration such as 5s: ${duration}`);
  return Number(duration.slice(0, -1)) * 1_000;
}

function named(word: string): [string, { participant: string; activity: string; bodyHash: string }] {
  const [, branchId, participant, activity] = /^([\w-]+)=([\w-]+)\/([\w-]+)$/.exec(word) ?? [];
  if (!branchId || !participant || !activity) throw new Error(`not BRANCH=PARTICIPANT/ACTIVITY: ${word}`);
  return [branchId, { participant, activity, bodyHash: word }];
}
