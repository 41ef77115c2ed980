// The rules of the house, each shown to bite: a planted file breaks one rule, and lint names it.
// Everything is planted in a temporary folder that has the layout of the repository, so an interrupted run leaves nothing.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const biome = join(repository, 'node_modules', '.bin', 'biome');
// Put together here, so that this file itself holds no import of anything.
const from = (source: string) => `import { it } from '${source}';\nexport const kept = it;\n`;
const value = (expression: string) => `export const kept = () => ${expression};\n`;

interface Sample {
  readonly path: string;
  readonly text: string;
}

const broken: Record<string, Sample[]> = {
  'domain-alone': [
    { path: 'src/domain/a.ts', text: from('node:crypto') },
    { path: 'src/domain/a.ts', text: from('typebox') },
    { path: 'src/domain/a.ts', text: from('../errors.ts') },
    { path: 'src/domain/a.ts', text: from('../definition/plan.ts') },
    { path: 'src/domain/a.ts', text: from('./../errors.ts') },
    { path: 'src/domain/a.ts', text: "export type { It } from '../errors.ts';\n" },
    { path: 'src/domain/a.ts', text: "export type It = import('../errors.ts').It;\n" },
    { path: 'src/domain/a.ts', text: value("import('../errors.ts')") },
  ],
  'definition-inward': [
    { path: 'src/definition/a.ts', text: from('../application/ports.ts') },
    { path: 'src/definition/a.ts', text: from('../adapters/memory/transaction-store.ts') },
    { path: 'src/definition/a.ts', text: from('../http/app.ts') },
    { path: 'src/definition/a.ts', text: from('../errors.ts') },
    { path: 'src/definition/a.ts', text: from('./../errors.ts') },
    { path: 'src/definition/a.ts', text: from('node:crypto') },
    { path: 'src/definition/a.ts', text: from('typebox') },
    { path: 'src/definition/a.ts', text: from('../wire/index.ts') },
    { path: 'src/definition/a.ts', text: "export type It = import('../application/ports.ts').It;\n" },
    { path: 'src/definition/a.ts', text: value("import('../http/app.ts')") },
  ],
  'application-inward': [
    { path: 'src/application/a.ts', text: from('../definitions/plan.ts') },
    { path: 'src/application/a.ts', text: from('../errors.ts') },
    { path: 'src/application/a.ts', text: from('../adapters/sql/store.ts') },
    { path: 'src/application/a.ts', text: from('../http/app.ts') },
    { path: 'src/application/a.ts', text: from('fastify') },
    { path: 'src/application/a.ts', text: from('node:fs') },
  ],
  'main-imported-by-nobody': [
    { path: 'src/http/a.ts', text: from('../main.ts') },
    { path: 'test/a.ts', text: from('../src/main.ts') },
  ],
  'sdk-alone': [
    { path: 'sdk/src/a.ts', text: from('../../src/errors.ts') },
    { path: 'sdk/src/barrier/a.ts', text: from('../../../src/domain/transition.ts') },
    { path: 'sdk/src/a.ts', text: from('../../src/definition/references.ts') },
    { path: 'sdk/src/check/a.ts', text: from('../../../src/definition/plan.ts') },
    { path: 'sdk/src/testing/a.ts', text: from('../../../src/http/app.ts') },
    { path: 'sdk/src/a.ts', text: from('../../src/api/routes.ts') },
    { path: 'sdk/src/testing/a.ts', text: from('../../../src/errors.ts') },
    { path: 'sdk/src/testing/a.ts', text: from('../../../src/adapters/sql/open-store.ts') },
    { path: 'sdk/src/testing/a.ts', text: from('../../../src/adapters/wake/bullmq.ts') },
    { path: 'sdk/src/testing/a.ts', text: from('../../../src/adapters/participant/http-client.ts') },
    { path: 'sdk/src/testing/a.ts', text: from('../../../src/settings.ts') },
    { path: 'sdk/src/testing/a.ts', text: "export type It = import('../../../src/environment.ts').It;\n" },
  ],
  'wire-alone': [
    { path: 'src/wire/a.ts', text: from('../domain/index.ts') },
    { path: 'src/wire/error-fields/a.ts', text: from('../../errors.ts') },
    { path: 'src/wire/a.ts', text: from('undici') },
  ],
  'sdk-not-imported': [
    { path: 'src/http/routes/a.ts', text: from('../../../sdk/src/wire.ts') },
    { path: 'src/a.ts', text: from('@tercet/sdk/wire') },
    { path: 'src/a.ts', text: from('@tercet/sdk') },
  ],
  'time-and-chance': [
    'Date.now()',
    'Date()',
    'new Date()',
    'performance.now()',
    'process.hrtime.bigint()',
    'setTimeout(String, 1)',
    'setInterval(String, 1)',
    'setImmediate(String)',
    'globalThis.setTimeout(String, 1)',
    'AbortSignal.timeout(1)',
    'Math.random()',
    'crypto.randomUUID()',
    'crypto.randomBytes(8)',
    "import('node:timers')",
  ]
    .map((expression) => ({ path: 'src/http/a.ts', text: value(expression) }))
    .concat(
      ['node:timers', 'node:timers/promises', 'node:perf_hooks', 'uuid'].map((source) => ({
        path: 'src/application/a.ts',
        text: from(source),
      })),
      ['{ randomUUID as it }', '{ randomBytes, createHash }', '* as it', 'it'].map((names) => ({
        path: 'src/application/a.ts',
        text: `import ${names} from 'node:crypto';\n`,
      })),
    ),
  'environment-alone': ['process.env.PORT', "process['env']"]
    .map((expression) => ({ path: 'src/settings.ts', text: value(expression) }))
    .concat([
      {
        path: 'src/adapters/a.ts',
        text: 'const { argv, env } = process;\nexport const kept = [argv, env];\n',
      },
      { path: 'src/adapters/a.ts', text: "import { env } from 'node:process';\nexport const kept = env;\n" },
    ]),
  'status-words': ['trying', 'confirming', 'confirmed', 'cancelling', 'cancelled', 'tcc', 'saga']
    .map((word) => ({ path: 'src/http/a.ts', text: `export const kept = '${word}';\n` }))
    .concat([
      { path: 'src/adapters/wake/a.ts', text: "export type WorkOutcome = 'trying' | 'other';\n" },
      { path: 'src/application/a.ts', text: "export const kept = (it: string) => it === 'confirmed';\n" },
      { path: 'src/main.ts', text: 'export const kept = `cancelled`;\n' },
      { path: 'src/definition/a.ts', text: "export const kept = (it: string) => it === 'saga';\n" },
      { path: 'src/application/a.ts', text: "export type WorkOutcome = 'tcc' | 'other';\n" },
      { path: 'src/observability/a.ts', text: 'export const kept = `saga`;\n' },
    ]),
};

const good: Sample[] = [
  { path: 'src/domain/a.ts', text: `${from('./b.ts')}export type Status = 'trying' | 'confirmed';\n` },
  {
    path: 'src/application/a.ts',
    text: "import { createHash } from 'node:crypto';\nexport const kept = createHash;\n",
  },
  { path: 'src/application/b.ts', text: from('../domain/a.ts') },
  { path: 'src/application/d.ts', text: from('../definition/plan.ts') },
  { path: 'src/definition/a.ts', text: from('../domain/index.ts') },
  { path: 'src/definition/b.ts', text: `${from('./a.ts')}export const header = 'tcc-op';\n` },
  { path: 'src/domain/b.ts', text: "export const kept = ['tcc', 'saga'];\n" },
  { path: 'src/application/c.ts', text: value('queueMicrotask(() => new Date(5))') },
  { path: 'src/adapters/clock.ts', text: value('[Date.now(), Math.random(), setTimeout(String, 1)]') },
  { path: 'src/adapters/sql/a.ts', text: "export const kept = ['confirmed', 'saga'];\n" },
  { path: 'src/http/a.ts', text: from('../wire/index.ts') },
  { path: 'src/http/b.ts', text: from('../application/ports.ts') },
  { path: 'src/environment.ts', text: value('process.env') },
  { path: 'src/serve.ts', text: `${from('./adapters/clock.ts')}export const also = Date.now();\n` },
  { path: 'src/wire/a.ts', text: `${from('typebox')}export const words = ['trying', 'saga'];\n` },
  { path: 'src/wire/error-fields/a.ts', text: from('../call-headers.ts') },
  { path: 'sdk/src/a.ts', text: from('../../src/wire/index.ts') },
  ...[
    'domain/index.ts',
    'application/engine.ts',
    'adapters/memory/transaction-store.ts',
    'api/routes.ts',
    'wire/trace-context.ts',
  ].map((core, at) => ({ path: `sdk/src/testing/a${at}.ts`, text: from(`../../../src/${core}`) })),
  { path: 'migrations/a.ts', text: "export const kept = ['trying', 'tcc'];\n" },
];

describe('lint', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tercet-lint-'));
    cpSync(join(repository, 'biome.json'), join(folder, 'biome.json'));
    cpSync(join(repository, 'scripts', 'lint'), join(folder, 'scripts', 'lint'), { recursive: true });
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  for (const [rule, samples] of Object.entries(broken)) {
    for (const { path, text } of samples) {
      test(`${rule} refuses in ${path}: ${text.split('\n')[0]}`, () => {
        const { status, output } = lintWith(folder, [{ path, text }]);
        expect(output).toContain(`${rule}: `);
        expect(status).toBe(1);
      });
    }
  }

  test('what the rules allow passes', () => {
    const { status, output } = lintWith(folder, good);
    expect(output).not.toContain('plugin');
    expect({ status, output }).toMatchObject({ status: 0 });
  });

  test('every rule file has its planted samples and is named by biome.json', () => {
    const rules = readdirSync(join(folder, 'scripts', 'lint')).map((name) => name.replace('.grit', ''));
    expect(rules.sort()).toEqual(Object.keys(broken).sort());
    const settings = readFileSync(join(folder, 'biome.json'), 'utf8');
    for (const rule of rules) expect(settings).toContain(`./scripts/lint/${rule}.grit`);
  });

  // To Biome a rule that fails while matching is only an "info", and lets everything through.
  test('no rule fails while matching', () => {
    for (const samples of Object.values(broken)) {
      expect(lintWith(folder, samples.slice(0, 1)).output).not.toContain('errored');
    }
  });
});

function lintWith(folder: string, samples: Sample[]) {
  for (const { path, text } of samples) plant(join(folder, path), text);
  const { status, stdout, stderr } = spawnSync(
    biome,
    ['lint', '--error-on-warnings', '--colors=off', '--max-diagnostics=50'],
    { cwd: folder, encoding: 'utf8' },
  );
  for (const top of ['src', 'sdk', 'test', 'migrations'])
    rmSync(join(folder, top), { recursive: true, force: true });
  return { status, output: stdout + stderr };
}

function plant(path: string, text: string) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
