// Where users have the SDK: runners, compilers and NestJS, with what docs/jest.md and docs/nestjs.md show.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hostNode, packSdk } from './install.ts';
import { filesOf, Project } from './project.ts';

/** Bounds a hang. */
const LIMIT_MS = 600_000;
const repository = new URL('../../../', import.meta.url).pathname;
const { exports } = JSON.parse(readFileSync(join(repository, 'sdk/package.json'), 'utf8'));
const entryPoints = Object.keys(exports)
  .filter((name) => !name.endsWith('.json'))
  .map((name) => `@tercet/sdk${name.slice(1)}`);

const host = await hostNode();
const NODES: readonly (readonly [string, string])[] = [
  ...(host === null ? [] : [['the Node of this machine', host] as const]),
  ['Node 24', process.execPath],
];

const jestPage = filesOf('docs/jest.md');
const nestPage = filesOf('docs/nestjs.md');

/** As `nest new` of version 11 has it. */
const NEST_COMPILER = {
  ...{ module: 'nodenext', moduleResolution: 'nodenext', resolvePackageJsonExports: true, target: 'ES2023' },
  ...{
    esModuleInterop: true,
    isolatedModules: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
  },
  ...{
    declaration: true,
    strictNullChecks: true,
    noImplicitAny: true,
    strictBindCallApply: true,
    skipLibCheck: true,
  },
};
const COMMONJS_COMPILER = {
  ...{
    module: 'commonjs',
    target: 'es2022',
    lib: ['es2023'],
    strict: true,
    types: ['node'],
    skipLibCheck: true,
  },
};

const home = mkdtempSync(join(tmpdir(), 'tercet-matrix-'));
const project = new Project(join(home, 'project'));
beforeAll(async () => {
  await project.install(await packSdk(home));
  const commonjs = { 'package.json': { type: 'commonjs' } };
  project.write('jest', {
    ...commonjs,
    ...jestPage,
    'tsconfig.json': { compilerOptions: COMMONJS_COMPILER },
  });
  const nestJest = { 'jest.config.js': jestPage['jest.config.js'] ?? '' };
  project.write('nest', {
    ...commonjs,
    ...nestPage,
    ...nestJest,
    'tsconfig.json': { compilerOptions: NEST_COMPILER },
  });
}, LIMIT_MS);
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the tests of docs/jest.md pass', () => {
  test.each([
    ['Jest 30', 'jest'],
    ['Jest 29', 'jest-29'],
  ])('by ts-jest as CommonJS, with %s', async (_title, jest) => {
    const told = await project.run('jest', [`../node_modules/${jest}/bin/jest.js`]);
    expect(told).toContain('Tests:       2 passed, 2 total');
  });

  test('by Jest 30 as ES modules', async () => {
    const text = jestPage['place-order.test.mjs']?.replace('node:test', '@jest/globals') ?? '';
    project.write('jest-esm', { 'a.spec.mjs': text });
    const config = JSON.stringify({ testRegex: 'spec\\.mjs$', transform: {} });
    const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const args = [...flags, '../node_modules/jest/bin/jest.js', '--config', config, '--rootDir', '.'];
    expect(await project.run('jest-esm', args)).toContain('Tests:       1 passed, 1 total');
  });

  test('by Vitest', async () => {
    const told = await project.run('jest', [
      '../node_modules/vitest/vitest.mjs',
      'run',
      'place-order.test.ts',
    ]);
    expect(told).toMatch(/Tests +1 passed/);
  });

  test.each(NODES)('by node:test, on %s', async (_title, node) => {
    const files = ['place-order.test.cjs', 'place-order.test.mjs'];
    const told = await project.run('jest', ['--test', '--test-reporter=tap', ...files], node);
    expect(told).toContain('# pass 2\n');
  });
});

describe('the application of docs/nestjs.md', () => {
  test('serves its participant and begins transactions, on Express and on Fastify', async () => {
    const told = await project.run('nest', ['../node_modules/jest/bin/jest.js', '--silent']);
    expect(told).toContain('Tests:       6 passed, 6 total');
  });

  test('compiles with TypeScript 5.9', async () => {
    expect(await project.compile('nest', 'node_modules/typescript/bin/tsc')).toEqual([]);
  });
});

describe('the types of all entry points, and those of docs/jest.md', () => {
  const imports = entryPoints.map(
    (name, at) => `import * as entry${at} from '${name}';\nexport { entry${at} };\n`,
  );
  const shown = ['contract.ts', 'place-order.ts', 'participant.ts'].map((name) => [
    name,
    jestPage[name] ?? '',
  ]);
  const commonjs: Record<string, string> = { ...Object.fromEntries(shown), 'all.ts': imports.join('') };
  const modules = Object.fromEntries(
    Object.entries(commonjs).map(([name, text]) => [
      name,
      text.replaceAll("'./contract'", "'./contract.js'"),
    ]),
  );
  /** With the original typebox, which only ES modules can import everywhere. */
  const original = `import { defineContract, type PayloadOf } from '@tercet/sdk';
import { Type } from 'typebox';
const inventory = defineContract('inventory', { reserve: { payload: Type.Object({ item: Type.String() }) } });
type Reserve = PayloadOf<(typeof inventory)['activities']['reserve']>;
export const right: Reserve = { item: 'mug' };
// @ts-expect-error: an item is a string
export const wrong: Reserve = { item: 1 };
`;
  const COMPILERS = {
    '5.4': 'node_modules/typescript-5.4/bin/tsc',
    '7.0': join(repository, 'node_modules/typescript/bin/tsc'),
  } as const;

  test.each([
    ['5.4', 'commonjs', 'node10'],
    ['5.4', 'node16', 'node16'],
    ['7.0', 'nodenext', 'nodenext'],
    ['7.0', 'esnext', 'bundler'],
  ] as const)('TypeScript %s accepts them, with module %s and resolution %s', async (version, module, moduleResolution) => {
    const folder = `types-${version}-${module}`;
    const compilerOptions = {
      ...COMMONJS_COMPILER,
      skipLibCheck: false,
      esModuleInterop: true,
      module,
      moduleResolution,
    };
    project.write(`${folder}/commonjs`, { 'package.json': { type: 'commonjs' }, ...commonjs });
    if (module !== 'commonjs')
      project.write(`${folder}/modules`, {
        'package.json': { type: 'module' },
        ...modules,
        'original.ts': original,
      });
    project.write(folder, { 'tsconfig.json': { compilerOptions } });
    expect(await project.compile(folder, COMPILERS[version])).toEqual([]);
  });
});
