// `npm run repeat`, in a project of its own that has this repository's Jest settings and test files made for the purpose.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cpuSeconds } from '../bench/cpu-time.ts';
import { startLoad } from '../scripts/repeat/load.ts';
import { isAlive } from './support/alive.ts';
import { until } from './support/until.ts';
import { jestProjectIn } from './support/clone.ts';

const burnerCount = availableParallelism() + 1;
let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'tercet-repeat-'));
  jestProjectIn(project);
  mkdirSync(join(project, 'tmp'));
});

afterEach(() => rmSync(project, { recursive: true, force: true, maxRetries: 10 }));

/** A test file that notes in each run which burners there are. `act` may use the number of the run. */
function writeTest(act: string): void {
  const code = `
    import { appendFileSync, readFileSync, readdirSync } from 'node:fs';
    import { test } from '@jest/globals';
    const burners = readdirSync(${JSON.stringify(join(project, 'tmp'))}).filter((name) => name.startsWith('tercet-load-'));
    appendFileSync(${JSON.stringify(join(project, 'runs'))}, JSON.stringify(burners) + '\\n');
    const run = readFileSync(${JSON.stringify(join(project, 'runs'))}, 'utf8').trim().split('\\n').length;
    ${act}`;
  writeFileSync(join(project, 'test', 'made.test.ts'), code);
}

const burnersInEachRun = (): string[][] =>
  readFileSync(join(project, 'runs'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Of burners and runs; Jest keeps its cache there, too. */
const foldersLeft = (): string[] =>
  readdirSync(join(project, 'tmp')).filter((name) => name.startsWith('tercet-'));

function start(...args: string[]) {
  const child = spawn(process.execPath, [join(project, 'scripts/repeat/main.ts'), ...args], {
    cwd: project,
    env: { ...process.env, TMPDIR: join(project, 'tmp') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const outcome = async () => {
    const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { exitCode, stderr, lines: stdout.trim().split('\n') };
  };
  return { child, outcome: outcome() };
}

const repeat = (...args: string[]) => start(...args).outcome;

describe('a test file that is repeated', () => {
  test('runs as often as is asked for, every other time under load, and the last line has the counts', async () => {
    writeTest("test('passes', () => {});");
    const { exitCode, lines, stderr } = await repeat('test/made.test.ts', '--times', '5');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(lines.at(-1)).toBe('5 of 5 runs passed (2 under load)');
    expect(lines[1]).toMatch(/^run 2 of 5, under load: passed in /);
    const counts = burnersInEachRun().map(({ length }) => length);
    expect(counts).toEqual([0, burnerCount, 0, burnerCount, 0]);
    expect(foldersLeft()).toEqual([]);
    expect(existsSync(join(project, '.cache/repeat'))).toBe(false);
  });

  test('stops at the first run that fails, keeps what it printed, and says where', async () => {
    writeTest("test('fails in run 3', () => { if (run === 3) throw new Error('no luck in run 3'); });");
    const { exitCode, lines } = await repeat('test/made.test.ts');
    expect(exitCode).toBe(1);
    const last =
      /^2 of 20 runs passed \(1 under load\); run 3 of 20, failed: Jest ended with 1; its output: (.+)$/;
    const [, outputPath] = last.exec(lines.at(-1) ?? '') ?? [];
    expect(readFileSync(outputPath ?? lines.join('\n'), 'utf8')).toContain('no luck in run 3');
    expect(burnersInEachRun()).toHaveLength(3);
  });

  test('fails when all of its tests are skipped: that proves nothing', async () => {
    writeTest("test.skip('is skipped', () => {});");
    const { exitCode, lines } = await repeat('test/made.test.ts');
    expect({ exitCode, last: lines.at(-1) }).toEqual({
      exitCode: 1,
      last: expect.stringMatching(
        /^0 of 20 runs passed \(0 under load\); run 1 of 20, failed: no test ran; /,
      ),
    });
  });

  test('ends with its load when the command is killed with -9', async () => {
    const hangs = "test('hangs in run 2', () => run === 2 ? new Promise(() => {}) : undefined, 600_000);";
    const notes = join(project, 'pid-of-run-');
    writeTest(`${hangs} appendFileSync(${JSON.stringify(notes)} + run, String(process.pid));`);
    const { child, outcome } = start('test/made.test.ts');
    await until('the second run has begun', () => existsSync(`${notes}2`) || child.exitCode !== null);
    expect(child.exitCode).toBeNull();
    const burners = burnersInEachRun()[1]!.map((name) => join(project, 'tmp', name, 'pid'));
    // A file is there a moment before its text is.
    const read = () => [...burners, `${notes}2`].map((path) => Number(readFileSync(path, 'utf8')));
    await until('each pid is written', () => read().every((pid) => pid > 0));
    const pids = read();
    expect(pids.map(isAlive)).toEqual(Array(burnerCount + 1).fill(true));
    child.kill('SIGKILL');
    await outcome;
    await until('all of it is gone', () => !pids.some(isAlive) && foldersLeft().length === 0);
  });
});

test('load is one process more than there are cores, each of which burns CPU until the load is stopped', async () => {
  const load = startLoad();
  try {
    expect(load.pids).toHaveLength(burnerCount);
    await until('each burns CPU', () => load.pids.every((pid) => (cpuSeconds(pid) ?? 0) > 0));
  } finally {
    await load.stop();
  }
  // They are killed by then, and dead once the system has come to it.
  await until('each is dead', () => !load.pids.some(isAlive));
});

test.each([
  [[], 'name at least one test file'],
  [['test/absent.test.ts', 'package.json'], 'there is no test/absent.test.ts'],
  [['package.json', '--times', '0'], '--times: “0” is not a whole number from 1 to 1000'],
  [['package.json', '--fast'], "Unknown option '--fast'"],
])('the command refuses %j, and says how it is used', async (args, complaint) => {
  const { exitCode, stderr } = await repeat(...args);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(complaint);
  expect(stderr).toContain('Usage: npm run repeat');
});
