// The SDK as it is published: packed, installed into an empty folder, and used by import, by require and by the compiler.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hostNode, type Installed, installIn, type Packed, packSdk } from './install.ts';

const { exports, typesVersions } = JSON.parse(
  readFileSync(new URL('../../../sdk/package.json', import.meta.url), 'utf8'),
);
/** As they are imported, such as `@tercet/sdk/wire`. */
const entryPoints = Object.keys(exports)
  .filter((name) => !name.endsWith('.json'))
  .map((name) => `@tercet/sdk${name.slice(1)}`);

/** Bounds a hang. */
const LIMIT_MS = 600_000;
const run = promisify(execFile);
const repository = new URL('../../../', import.meta.url).pathname;
const samples = join(repository, 'test/sdk/package/samples');

const host = await hostNode();
const NODES: readonly (readonly [string, string])[] = [
  ...(host === null ? [] : [['the Node of this machine', host] as const]),
  ['Node 24', process.execPath],
];

let home: string;
let packed: Packed;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tercet-package-'));
  packed = await packSdk(home);
}, LIMIT_MS);
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the package', () => {
  test('holds what its exports name, its SQL and its licence, and no source and no test', () => {
    expect(packed.paths).toEqual(
      expect.arrayContaining([
        ...['package.json', 'README.md', 'LICENSE', 'participant.openapi.json', 'dist/sdk/src/index.js'],
        ...['mysql', 'postgres', 'sqlite'].map((dialect) => `sql/barrier.${dialect}.sql`),
      ]),
    );
    const strange = packed.paths.filter((path) => /test\/|(?<!\.d)\.ts$|tsconfig/.test(path));
    expect(strange).toEqual([]);
    if (process.env.SDK_SIZES)
      process.stderr.write(`${packed.packedBytes} packed, ${packed.unpackedBytes} unpacked\n`);
  });
});

describe.each(NODES)('on %s', (_title, node) => {
  let installed: Installed;
  beforeAll(async () => {
    installed = await installIn(
      join(home, `on-${NODES.findIndex(([, one]) => one === node)}`),
      packed,
      node,
      samples,
    );
  }, LIMIT_MS);

  test('it brings three packages along, and none of them is a server or a driver', () => {
    const brought = ['@stablelib/base64', 'fast-sha256', 'standardwebhooks'];
    expect([...installed.dependencies].sort()).toEqual(brought);
  });

  test.each(['order.mjs', 'order.cjs'])('a transaction runs (%s)', async (sample) => {
    expect(await installed.run(sample)).toBe('confirmed\ncancelled: no money\n');
  });

  test('each of its entry points loads by require and by import, with the same exports', async () => {
    expect(await installed.run('compare-exports.mjs', ...entryPoints)).toBe('');
  });

  test('a file that imports it and one that requires it share its state and its classes', async () => {
    const shared = 'the same call: true\nRefusal is an instance: true\nthe transaction: cancelled\n';
    expect(await installed.run('one-copy.mjs')).toBe(shared);
  });

  test('its command tells what it can do', async () => {
    expect(await installed.run('node_modules/.bin/tercet', '--help')).toContain('tercet check');
  });
});

describe('for the compiler', () => {
  test('module resolution by `node10`, which reads no `exports`, finds the types of each entry point', () => {
    const found = (name: string) => {
      const [pattern = '', file = ''] =
        Object.entries<[string]>(typesVersions['*'])
          .map(([given, [to]]) => [given, to] as const)
          .find(
            ([given]) => given === name || (given.endsWith('/*') && name.startsWith(given.slice(0, -1))),
          ) ?? [];
      return file.replace('*', name.slice(pattern.length - 1));
    };
    const wrong = Object.entries<{ types: string }>(exports)
      .filter(([name]) => name !== '.' && !name.endsWith('.json'))
      .filter(([name, { types }]) => found(name.slice(2)) !== types);
    expect(wrong).toEqual([]);
  });

  test(
    'the sample compiles, and its wrong payloads do not',
    async () => {
      const folder = join(home, `on-${NODES.length - 1}`);
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2023',
        strict: true,
        noEmit: true,
        types: ['node'],
      };
      // As for a user who has Node's types; those of drivers are not asked for by what is imported.
      const typeRoots = [join(repository, 'node_modules/@types')];
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({
          compilerOptions: { ...compilerOptions, typeRoots, skipLibCheck: false },
          files: ['types.ts'],
        }),
      );
      const tsc = join(repository, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(process.execPath, [tsc, '--project', folder]).catch((error) => error);
      expect(stdout).toBe('');
    },
    LIMIT_MS,
  );
});
