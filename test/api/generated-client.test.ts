/**
 * A client whose types `openapi-typescript` generates from `/openapi.json`: a program against it compiles, and one that
 * misuses it does not.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { obtainOpenapiTypescript } from '../../scripts/tools/openapi-typescript.ts';
import { openWorld } from '../http/world.ts';
import { describeWithTool } from '../support/with-tool.ts';

const repository = join(import.meta.dirname, '../..');

/** Its comments name the error that the compiler must find; it is compiled with and without those lines. */
const PROGRAM = `import type { components, operations, paths } from './api.ts';

type BeginRequest = components['schemas']['BeginRequest'];
type TransactionView = components['schemas']['TransactionView'];

export const request: BeginRequest = {
  name: 'place-order',
  branches: [{ branchId: 'stock', participant: 'inventory', activity: 'reserve', payload: { count: 1 } }],
};

type Begun = operations['beginTransaction']['responses'][202]['content']['application/json'];
export const statusOf = (begun: Begun): TransactionView['status'] => begun.status;

type Problem = operations['confirmTransaction']['responses']['4XX']['content']['application/problem+json'];
export const codeOf = ({ code }: Problem): string => code;

type Confirm = paths['/v1/transactions/{gid}/confirm']['post'];
export const gidOf = ({ gid }: Confirm['parameters']['path']): string => gid;

export const isParked = (branch: components['schemas']['BranchView']): boolean => branch.confirm?.parkedAt != null;
`;
const MISUSES: readonly (readonly [what: string, line: string])[] = [
  ['a field that is not known', `export const wrong: BeginRequest = { nmae: 'place-order' };`],
  ['a status that there is not', `export const wrong: TransactionView['status'] = 'done';`],
  [
    'a null that is not excluded',
    `export const wrong = (tx: TransactionView): string => tx.decision.reason;`,
  ],
  ['an answer that is not given', `export type Wrong = operations['beginTransaction']['responses'][204];`],
];

describeWithTool(await obtainOpenapiTypescript(), 'a generated client', ([file = '', ...args]) => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tercet-client-'));
    const world = await openWorld();
    const { body } = await world.send('GET', '/openapi.json');
    await world.close();
    writeFileSync(join(folder, 'openapi.json'), body);
    const generated = spawnSync(file, [...args, 'openapi.json', '-o', 'api.ts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (generated.status !== 0) throw new Error(generated.stderr);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** @returns what the compiler says; empty when all is well */
  function compiled(program: string): string {
    const place = mkdtempSync(join(folder, 'program-'));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'api.ts'), readFileSync(join(folder, 'api.ts')));
    writeFileSync(join(place, 'program.ts'), program);
    const flags = ['--noEmit', '--strict', '--target', 'esnext', '--module', 'nodenext', '--skipLibCheck'];
    const tsc = join(repository, 'node_modules/.bin/tsc');
    return spawnSync(tsc, [...flags, '--allowImportingTsExtensions', 'program.ts'], {
      cwd: place,
      encoding: 'utf8',
    }).stdout;
  }

  test('compiles', () => {
    expect(compiled(PROGRAM)).toBe('');
  });

  test.each(MISUSES)('is refused by the compiler with %s', (_what, line) => {
    expect(compiled(`${PROGRAM}${line}\n`)).toMatch(/program\.ts\(\d+,\d+\): error/);
  });

  test('has a type for each schema, and copies none', () => {
    const text = readFileSync(join(folder, 'api.ts'), 'utf8');
    expect(text).toContain('TransactionView: {');
    expect(text.match(/lateSuccessCount: /g)).toHaveLength(1);
  });
});
