import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { applyPatch, type Patch, parsePatch } from './mutant-patch.ts';

const run = promisify(execFile);
const HERE = join(import.meta.dirname, 'mutants');
const ROOT = join(import.meta.dirname, '../..');
const COPIED = ['src/domain', 'test/model', 'test/support/transactions.ts'];
const table: string[] = [];

/** The protocol and its exploration in a folder of their own, broken as the patch says. */
async function exploreMutant(
  patch: Patch,
  patterns: readonly Pattern[],
): Promise<{ invariant: string; message: string } | null> {
  const copy = await mkdtemp(join(tmpdir(), 'tercet-mutant-'));
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(copy, path), { recursive: true });
    await writeFile(join(copy, 'package.json'), '{"type":"module"}');
    const broken = applyPatch(patch, await readFile(join(copy, patch.file), 'utf8'));
    await writeFile(join(copy, patch.file), broken);
    const { stdout } = await run(process.execPath, [join(copy, 'test/model/explore-mutant.ts'), ...patterns]);
    return stdout === '' ? null : JSON.parse(stdout);
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** Bounds a hang. */
const LIMIT_MS = 1_800_000;

type Pattern = 'tcc' | 'sagas';

/** What breaks a rule of sagas says so in its name: only sagas are explored for it. */
const patternOf = (name: string): Pattern => (name.startsWith('saga-') ? 'sagas' : 'tcc');

const names = (await readdir(HERE)).filter((name) => name.endsWith('.patch')).sort();

describe('an exploration that could not fail would prove nothing', () => {
  afterAll(() => {
    process.stdout.write(`${table.join('\n')}\n`);
  });

  test(
    'the unbroken copy passes',
    async () => {
      const same = { file: 'package.json', caughtBy: '', search: '{', replace: '{' };
      expect(await exploreMutant(same, ['tcc', 'sagas'])).toBeNull();
    },
    LIMIT_MS,
  );

  test.each(names)(
    '%s',
    async (name) => {
      const patch = parsePatch(await readFile(join(HERE, name), 'utf8'));
      const caught = await exploreMutant(patch, [patternOf(name)]);
      table.push(
        `${name.replace('.patch', '').padEnd(56)} → ${caught?.message.split('\n')[0] ?? 'survived'}`,
      );
      expect(caught?.invariant).toBe(patch.caughtBy);
    },
    LIMIT_MS,
  );
});
