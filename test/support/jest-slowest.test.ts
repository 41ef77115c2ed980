// The end of a run: its slowest files, and the counts from which CI makes its last line.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { nodeCommandOf } from '../../scripts/npm-script.ts';
import { jestProjectIn } from './clone.ts';

const PASSES = "import { test } from '@jest/globals'; test('passes', () => {});";
const FAILS = "import { test } from '@jest/globals'; test('fails', () => { throw new Error('no'); });";
let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'tercet-slowest-'));
  jestProjectIn(project);
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

/** A run of Jest, as `npm test` starts it. */
function runTests(): Promise<string> {
  return new Promise((resolve) => {
    const args = [...nodeCommandOf(project, 'test'), '--no-color'];
    execFile(process.execPath, args, { cwd: project }, (_error, _stdout, stderr) => resolve(stderr));
  });
}

function writeTests(tests: Record<string, string>): void {
  mkdirSync(join(project, 'test'), { recursive: true });
  for (const [name, code] of Object.entries(tests))
    writeFileSync(join(project, 'test', `${name}.test.ts`), code);
}

/** The paths of the files that are listed, and nothing else. */
const listed = (stderr: string): (string | undefined)[] =>
  [...(stderr.split('The slowest files, in seconds:\n')[1] ?? '').matchAll(/^ +\d+\.\d {2}(\S+)$/gm)].map(
    ([, path]) => path,
  );

test('a run lists its files with seconds, and leaves the counts for CI as they are', async () => {
  writeTests({ one: PASSES, two: FAILS });
  const stderr = await runTests();
  expect(listed(stderr).sort()).toEqual(['test/one.test.ts', 'test/two.test.ts']);
  expect(readFileSync(join(project, '.cache/tests.json'), 'utf8')).toBe(
    '{"passed":1,"failed":1,"skipped":0}',
  );
});

test('a run of one file lists none: Jest tells its time', async () => {
  writeTests({ one: PASSES });
  const stderr = await runTests();
  expect(stderr).toContain('PASS test/one.test.ts');
  expect(stderr).not.toContain('The slowest files');
});

test('the ten slowest of many files are listed, the slowest first', async () => {
  const path = './jest-slowest.mjs';
  const { slowestFiles } = await import(path);
  const results = Array.from({ length: 12 }, (_, index) => ({
    testFilePath: `/project/test/${index}.test.ts`,
    perfStats: { runtime: ((index * 5) % 12) * 1000 },
  }));
  const lines = slowestFiles(results, '/project');
  expect(lines).toHaveLength(10);
  expect(lines.slice(0, 2)).toEqual(['   11.0  test/7.test.ts', '   10.0  test/2.test.ts']);
  expect(lines.at(-1)).toBe('    2.0  test/10.test.ts');
});
