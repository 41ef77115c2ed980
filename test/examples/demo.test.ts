// The demo as a person runs it: its verdict can be trusted, and nothing of it is left behind, however it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { running } from './running.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
/** Should this test be killed, its demos die with it, as the demo's own children do. */
const lifeline = join(repository, 'examples/demo/lifeline.ts');
const LIMIT_MS = 60_000;

/** A temporary folder for the demos' own, so that what they leave can be seen. */
const temporary = mkdtempSync(join(tmpdir(), 'tercet-demo-test-'));
const started = new Set<ChildProcess>();

afterEach(() => {
  for (const demo of started) demo.kill('SIGKILL');
  started.clear();
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

describe('the demo', () => {
  // The two that run to their end take seconds, mostly of waiting: they run side by side.
  let right: Ended;
  let wrong: Ended;
  beforeAll(async () => {
    const demos = [start(), start('--without-barrier', 'payment')] as const;
    [right, wrong] = await Promise.all([demos[0].ended, demos[1].ended]);
  }, LIMIT_MS);

  test('shows six orders that end right, and sums that agree', () => {
    expect(right).toMatchObject({ code: 0, stderr: '' });
    const ends = [...right.stdout.matchAll(/ends: (\w+)/g)].map(([, status]) => status);
    expect(ends).toEqual(['confirmed', 'cancelled', 'cancelled', 'confirmed', 'confirmed', 'confirmed']);
    expect(right.stdout).toContain('decides: cancel (try refused by payment)');
    expect(right.stdout).toContain('decides: cancel (deadline passed)');
    expect(right.stdout).toContain('Right: 4 orders are paid, sold and shipped, 2 left no trace');
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

  test('says at once what it cannot do', async () => {
    const { ended } = start('--without-barrier', 'customs');
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
      const demo = start('--keep');
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

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

function start(...args: string[]) {
  const folder = mkdtempSync(join(temporary, 'demo-'));
  const demo = spawn(
    process.execPath,
    ['--conditions=tercet-source', '--import', lifeline, join(repository, 'examples/demo.ts'), ...args],
    {
      // A coordinator that is set up in the same shell is none of the demo's business.
      env: { ...process.env, TMPDIR: folder, TERCET_PORT: '1', NODE_OPTIONS: '' },
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

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const endsAt = Date.now() + LIMIT_MS / 2;
  while (!isTrue()) {
    if (Date.now() > endsAt) throw new Error(`waited in vain until ${what}`);
    await pause(20);
  }
}
