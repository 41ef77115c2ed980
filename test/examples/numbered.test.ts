// The numbered examples as a newcomer runs them: each prints what its head says, and leaves nothing behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { running } from './running.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const files = readdirSync(examples).filter((file) => /^\d\d-.*\.ts$/.test(file));
const textOf = (file: string) => readFileSync(join(examples, file), 'utf8');
/** Bounds a hang. */
const LIMIT_MS = 480_000;
/** Most of what they take is the start of a coordinator; more at once would only wait for each other. */
const AT_ONCE = 3;
const LOOK_EVERY_MS = 100;

/** A temporary folder for the examples' own, so that what they leave can be seen. */
const temporary = mkdtempSync(join(tmpdir(), 'tercet-examples-test-'));
const started = new Set<ChildProcess>();

afterAll(() => {
  for (const example of started) example.kill('SIGKILL');
  rmSync(temporary, { recursive: true, force: true });
});

/** What a participant logs of calls that it refuses, as some examples make it. */
const withoutRefusals = (stderr: string): string =>
  stderr.replaceAll(/^participant \S+: \S+: refused, \w+(?:: this op must not be refused.*)?\n/gm, '');

describe('each numbered example', () => {
  const ends = new Map<string, End>();
  beforeAll(async () => {
    const waiting = [...files];
    const runNext = async (): Promise<void> => {
      const file = waiting.shift();
      if (file === undefined) return;
      ends.set(file, await start(join(examples, file)).ended);
      await runNext();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, runNext));
  }, LIMIT_MS);

  test.each(files)('%s prints what its head says', (file) => {
    const { code, stdout, stderr } = ends.get(file)!;
    expect({ code, stderr: withoutRefusals(stderr) }).toEqual({ code: 0, stderr: '' });
    const printed = stdout.trimEnd().split('\n');
    const told = toldIn(file);
    // The told line stands beside the printed one where they differ.
    expect(printed.map((line, at) => (isAsTold(line, told[at]) ? told[at] : line))).toEqual(told);
  });

  test.each(files)('%s leaves no file and no process', (file) => {
    const { left } = ends.get(file)!;
    expect(left).toEqual({ files: [], pids: [] });
  });

  test.each(files)('%s says in its head how it is run', (file) => {
    expect(textOf(file)).toMatch(new RegExp(`^/\\*\\*\n \\* ${file.slice(0, 2)}: `));
    expect(textOf(file)).toContain(`\n *   node --conditions=tercet-source examples/${file}\n`);
  });
});

test('the README lists each example under its number', () => {
  const rows = [...textOf('README.md').matchAll(/^\| (\d\d) \| \[(.+?)\]\((.+?)\) \|/gm)];
  expect(rows.map(([, , name, address]) => name === address)).not.toContain(false);
  const listed = rows.map(([, number, name]) => `${number} ${name}`);
  expect(listed).toEqual([...files.map((file) => `${file.slice(0, 2)} ${file}`), '15 python/participant.py']);
});

describe('what the examples share', () => {
  // The first then waits for a child beside its coordinator, the second for its coordinator.
  test.each([
    ['SIGINT', 130, '05-crash-safe.ts', 2],
    ['SIGTERM', 143, '03-run.ts', 1],
  ] as const)(
    'ends everything on %s',
    async (signal, code, file, childCount) => {
      const example = start(join(examples, file));
      await example.hasChildren(childCount);
      // To the whole group, as a terminal does it.
      process.kill(-example.pid, signal);
      expect(await example.ended).toMatchObject({ code, stderr: '', left: { files: [], pids: [] } });
    },
    LIMIT_MS,
  );

  test(
    'ends everything after an error, and shows it',
    async () => {
      const failing = `
        import { withCoordinator } from ${JSON.stringify(join(examples, 'with-coordinator.ts'))};
        await withCoordinator(async ({ serve }) => {
          await serve(() => {});
          throw new Error('the example is wrong');
        });`;
      const { code, stderr, left } = await start('--input-type=module', '--eval', failing).ended;
      expect({ code, left }).toEqual({ code: 1, left: { files: [], pids: [] } });
      expect(stderr).toContain('Error: the example is wrong');
    },
    LIMIT_MS,
  );
});

type End = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly left: { readonly files: readonly string[]; readonly pids: readonly number[] };
};

function start(...args: readonly string[]) {
  const folder = mkdtempSync(join(temporary, 'example-'));
  // Should this test be killed, its examples die with it.
  const lifeline = join(examples, 'demo/lifeline.ts');
  const example = spawn(process.execPath, ['--conditions=tercet-source', '--import', lifeline, ...args], {
    // A coordinator that is set up in the same shell is none of the example's business.
    env: { ...process.env, TMPDIR: folder, TERCET_PORT: '1', NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  started.add(example);
  const { pid = 0 } = example;
  let stdout = '';
  let stderr = '';
  example.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
  example.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  const children = new Set<number>();
  const watch = setInterval(() => {
    for (const child of childrenOf(pid)) children.add(child);
  }, LOOK_EVERY_MS);
  const ended = once(example, 'close').then(([code]): End => {
    clearInterval(watch);
    const now = running();
    const pids = [...children].filter((child) => now.has(child));
    return { code: code as number | null, stdout, stderr, left: { files: readdirSync(folder), pids } };
  });

  async function hasChildren(count: number): Promise<void> {
    while (children.size < count) {
      if (example.exitCode !== null) throw new Error(`it ended with ${children.size} children: ${stderr}`);
      await pause(LOOK_EVERY_MS / 2);
    }
  }
  return { pid, ended, hasChildren };
}

const childrenOf = (pid: number): number[] =>
  [...running()].filter(([, parent]) => parent === pid).map(([child]) => child);

/** The lines that the head says it prints. */
function toldIn(file: string): string[] {
  const [, block = ''] = /^ \* prints:\n \*\n((?: \* {3}.*\n)+)/m.exec(textOf(file)) ?? [];
  return block
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(' *   '.length));
}

/** … stands for anything. */
const isAsTold = (line: string, told = ''): boolean =>
  new RegExp(`^${told.split('…').map(RegExp.escape).join('.+')}$`).test(line);
