// The demo as a person runs it: its verdict can be trusted, and nothing of it is left behind, however it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { wrongOrder } from '../../examples/demo/step-order.ts';
import { running } from './running.ts';
import { until } from '../support/until.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
/** Should this test be killed, its demos die with it, as the demo's own children do. */
const lifeline = join(repository, 'examples/demo/lifeline.ts');
/** Makes the coordinator of a demo compensate in the wrong order. */
const undoAllAtOnce = `--import=${new URL('undo-all-at-once.ts', import.meta.url).href}`;
/** Bounds a hang. */
const LIMIT_MS = 600_000;

/** A temporary folder for the demos' own, so that what they leave can be seen. */
const temporary = mkdtempSync(join(tmpdir(), 'tercet-demo-test-'));
const started = new Set<ChildProcess>();

afterEach(() => {
  for (const demo of started) demo.kill('SIGKILL');
  started.clear();
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

describe('the demo', () => {
  // Those that run to their end take seconds, mostly of waiting: they run side by side.
  let right: Ended;
  let wrong: Ended;
  let disordered: Ended;
  beforeAll(async () => {
    const demos = [start(), start(['--without-barrier', 'payment']), start([], undoAllAtOnce)] as const;
    [right, wrong, disordered] = await Promise.all([demos[0].ended, demos[1].ended, demos[2].ended]);
  }, 2 * LIMIT_MS);

  test('shows six orders and two gifts that end right, and sums that agree', () => {
    expect(right).toMatchObject({ code: 0, stderr: '' });
    const endings = [...right.stdout.matchAll(/ends: (\w+)/g)].map(([, status]) => status);
    expect(endings).toEqual([
      ...['confirmed', 'cancelled', 'cancelled', 'confirmed', 'confirmed', 'confirmed'],
      ...['cancelled', 'confirmed'],
    ]);
    expect(right.stdout).toContain('decides: cancel (try refused by payment)');
    expect(right.stdout).toContain('decides: cancel (deadline passed)');
    expect(right.stdout).toContain('Right: 5 orders are paid, sold and shipped, 3 left no trace');
  });

  test('undoes a saga whose last step is refused, the last step first, and waits for a refund that hangs', () => {
    const told = story(right, 7);
    expect(ends(told, 'action').sort()).toEqual([
      'inventory item: done',
      'payment card: done',
      'shipping place: done',
    ]);
    expect(told).toContain('decides: cancel (action refused by parcel)');
    expect(ends(told, 'compensate')).toEqual([
      'shipping parcel: nothing to undo',
      'shipping place: done',
      'payment card: done',
      'inventory item: done',
    ]);
    expect(told).toMatch(/payment +compensate +card +repeated/);
    expect(told).toMatch(/action of parcel answered 409 → cancel → undone: parcel, .*, item$/m);
  });

  test('gives a step what an earlier one has answered', () => {
    const told = story(right, 7);
    expect(told).toMatch(/shipping +action +place +done, answers {"van":"van 1"}/);
    expect(told).toMatch(/shipping +action +parcel +refused: van 1 does not go to islands/);
  });

  test('goes forward after the pivot of a saga, through a participant that is down for a while', () => {
    const told = story(right, 8);
    const course = [
      'starts the pivot',
      'shipping is killed',
      'payment +action +transfer +done',
      'decides: confirm \\(pivot succeeded\\)',
      'cannot tell about parcel: ',
      'shipping +action +parcel +done',
      'ends: confirmed',
    ];
    expect(told).toMatch(new RegExp(course.join('[^]*')));
    expect(told).not.toContain('compensate');
  });

  test('shows calls that come twice, too late and for nothing', () => {
    expect(right.stdout).toMatch(/payment +try +repeated/);
    expect(right.stdout).toMatch(/payment +confirm +repeated/);
    expect(right.stdout).toMatch(/payment +cancel +nothing to undo/);
    expect(right.stdout).toMatch(/payment +try +refused: this branch was cancelled before/);
  });

  test('writes no colours where nobody watches', () => {
    expect(right.stdout).not.toContain('\u001b');
  });

  test('fails without the barrier of payment, and names the sums that are wrong', () => {
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(
      /WRONG {2}payment: ann has -?\d+\.\d\d available, and should have \d+\.\d\d/,
    );
    expect(wrong.stdout).not.toMatch(/WRONG {2}(inventory|shipping|order)/);
    expect(wrong.stdout).not.toContain('Right:');
  });

  test('shows that a card is refunded twice without the barrier of payment', () => {
    const refunds = (ended: Ended) =>
      ends(story(ended, 7), 'compensate').filter((end) => end.includes('card'));
    expect(refunds(right)).toHaveLength(1);
    expect(refunds(wrong).length).toBeGreaterThan(1);
  });

  test('fails when the steps of a saga are undone all at once, and names those in the wrong order', () => {
    expect(disordered.code).toBe(1);
    expect(disordered.stdout).toContain('WRONG  order A-7: item was undone before card, which depends on it');
    expect(disordered.stdout).not.toMatch(/WRONG {2}(?!order A-7)/);
    expect(disordered.stdout).not.toContain('Right:');
  });

  test('says at once what it cannot do', async () => {
    const { ended } = start(['--without-barrier', 'customs']);
    const { code, stderr } = await ended;
    expect(code).toBe(2);
    expect(stderr).toContain('There is no participant “customs”.');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'ends with its children and its folder on %s',
    async (signal, code) => {
      const demo = start(['--keep']);
      const children = await demo.childrenInTheMiddle();
      // To the whole group, as a terminal does it.
      process.kill(-(demo.process.pid ?? 0), signal);
      expect(await demo.ended).toMatchObject({ code });
      await gone(children);
      expect(readdirSync(demo.folder)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'takes its children with it when it is killed',
    async () => {
      const demo = start();
      const children = await demo.childrenInTheMiddle();
      demo.process.kill('SIGKILL');
      await gone(children);
    },
    LIMIT_MS,
  );
});

describe('the order of steps', () => {
  const [item, card] = [
    { branchId: 'item', dependsOn: [], participant: 'inventory', activity: 'take' },
    { branchId: 'card', dependsOn: ['item'], participant: 'payment', activity: 'charge' },
  ];
  const wrongIn = (...effects: readonly [string, 'action' | 'compensate', number, string?][]) =>
    wrongOrder(
      [item, card],
      effects.map(([branchId, op, at, outcome = 'done']) => ({
        branchId,
        op,
        at,
        outcome,
        gid: '',
        attempt: 1,
        result: null,
      })),
    );

  test('is right when a step is done after those it depends on, and undone before them', () => {
    expect(wrongIn(['item', 'action', 1], ['card', 'action', 2])).toEqual([]);
    expect(wrongIn(['card', 'compensate', 3, 'nothing to undo'], ['item', 'compensate', 4])).toEqual([]);
  });

  test('is wrong when a step is done before those it depends on', () => {
    const wrong = ['card was done before item, on which it depends'];
    expect(wrongIn(['card', 'action', 1], ['item', 'action', 2])).toEqual(wrong);
    expect(wrongIn(['card', 'action', 1], ['item', 'action', 0, 'refused: sold out'])).toEqual(wrong);
  });

  test('is wrong when a step is undone before those that depend on it, or they never are', () => {
    const wrong = ['item was undone before card, which depends on it'];
    expect(wrongIn(['item', 'compensate', 3], ['card', 'compensate', 4])).toEqual(wrong);
    expect(wrongIn(['item', 'compensate', 3])).toEqual(wrong);
  });
});

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** What the demo has told of one story. */
const story = ({ stdout }: Ended, number: number): string =>
  stdout.split('\n\n').find((part) => part.startsWith(`${number}. `)) ?? '';

/** The calls of this op that came to their end, as the participants tell it: `payment card: done`. */
const ends = (told: string, op: string): string[] =>
  [...told.matchAll(new RegExp(`(\\w+) +${op} +(\\w+) +(done|nothing to undo)`, 'g'))].map(
    ([, participant, step, outcome]) => `${participant} ${step}: ${outcome}`,
  );

/** @param nodeOptions for the demo and all its children */
function start(args: readonly string[] = [], nodeOptions = '') {
  const folder = mkdtempSync(join(temporary, 'demo-'));
  const demo = spawn(
    process.execPath,
    ['--conditions=tercet-source', '--import', lifeline, join(repository, 'examples/demo.ts'), ...args],
    {
      // A coordinator that is set up in the same shell is none of the demo's business.
      env: { ...process.env, TMPDIR: folder, TERCET_PORT: '1', NODE_OPTIONS: nodeOptions },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    },
  );
  started.add(demo);
  let stdout = '';
  let stderr = '';
  demo.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
  demo.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  const ended = once(demo, 'close').then(
    ([code]): Ended => ({ code: code as number | null, stdout, stderr }),
  );

  /** The pids of its children, once the first order is told and others are under way. */
  async function childrenInTheMiddle(): Promise<number[]> {
    await until(
      'the first order is told',
      () => stdout.includes('ends: confirmed') || demo.exitCode !== null,
    );
    const pids = childrenOf(demo.pid ?? 0);
    expect({ pids, stderr }).toMatchObject({ pids: { length: 4 }, stderr: '' });
    return pids;
  }
  return { process: demo, folder, ended, childrenInTheMiddle };
}

const gone = (pids: readonly number[]): Promise<void> =>
  until(`${pids.join(', ')} are gone`, () => !pids.some((pid) => running().has(pid)));

const childrenOf = (pid: number): number[] =>
  [...running()].filter(([, parent]) => parent === pid).map(([child]) => child);
