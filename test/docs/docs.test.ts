/** The pages that repeat what the code says are compared with it. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { BeginRequest, CompletionRequest } from '@tercet/sdk/wire';
import { Value } from 'typebox/value';
import { requestedBranchOf } from '../../src/application/requests.ts';
import { settingsTable } from '../../src/environment.ts';
import { planOf } from '../../src/definition/plan.ts';
import { confirmedTree, inTextOrder, refusedTree } from '../observability/otel/expected-tree.ts';
import { protocolTable } from './protocol-table.ts';
import { lastWithoutPivot, sagaTable } from './saga-table.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

/** What stands between the two marks of a page. */
function part(file: string, mark: string): string {
  const [, found] =
    new RegExp(`<!-- ${mark}: begin -->\n(.*?)\n?<!-- ${mark}: end -->`, 's').exec(read(file)) ?? [];
  return found ?? '';
}

describe('docs/protocol.md', () => {
  test('has the state × event table that transition gives', () => {
    expect(part('docs/protocol.md', 'table')).toBe(protocolTable());
  });

  test('has the state × event table of sagas that transition gives', () => {
    expect(part('docs/protocol.md', 'saga table')).toBe(sagaTable());
    expect(read('docs/protocol.md')).toContain(`Without a pivot: ${lastWithoutPivot()}`);
  });

  test('has each invariant that code or tests cite', () => {
    const told = new Set(read('docs/protocol.md').match(/\bI\d+(?= \|)/g));
    const files = ['src', 'test'].flatMap((folder) =>
      readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => `${folder}/${file}`),
    );
    const cited = new Set(
      files.flatMap((file) => read(file).match(/(?<=[('\s])I\d{1,2}(?=[)',:\s])/g) ?? []),
    );
    expect([...cited].filter((invariant) => !told.has(invariant))).toEqual([]);
  });
});

describe('README.md', () => {
  test('lists each setting with its default and its meaning', () => {
    const rows = settingsTable.map(
      ({ variable, fileVariable, default: standard, description }) =>
        `| \`${variable}\`${fileVariable === null ? '' : `, \`${fileVariable}\``} | ${standard === '' ? '' : `\`${standard}\``} | ${description} |`,
    );
    expect(part('README.md', 'settings')).toBe(
      ['| variable | default | what it is |', '|---|---|---|', ...rows].join('\n'),
    );
  });
});

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'test/README.md',
  ...pagesIn('docs'),
  ...pagesIn('docs/adr'),
];

function pagesIn(folder: string): readonly string[] {
  return readdirSync(new URL(`../../${folder}`, import.meta.url))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

describe('a page', () => {
  test.each(PAGES)('%s names only files that exist, and headings that they have', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link]) => link ?? '');
    const named = [
      ...read(page).matchAll(/(?<![\w/])(?:sdk|src|examples|test|docs|scripts)\/[\w/-]+\.(?:ts|mjs|md)\b/g),
    ].map(([name]) => name);
    const missing = [
      ...links.filter((link) => !isThere(new URL(link, new URL(`../../${page}`, import.meta.url)))),
      ...named.filter((file) => !existsSync(new URL(`../../${file}`, import.meta.url))),
    ];
    expect(missing).toEqual([]);
  });
});

function isThere(link: URL): boolean {
  const [file, anchor] = [fileURLToPath(link), link.hash.slice(1)];
  if (!existsSync(file)) return false;
  return anchor === '' || headingsOf(readFileSync(file, 'utf8')).includes(anchor);
}

/** As they are linked to. */
const headingsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, words = '']) =>
    words
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );

describe('docs/observability.md', () => {
  test('shows the trees that the traces of a confirmed and of a refused transaction have', () => {
    const shown = [...read('docs/observability.md').matchAll(/^```\n(tercet submit .*?)\n```$/gms)];
    expect(shown.map(([, tree = '']) => inTextOrder(tree))).toEqual([confirmedTree, refusedTree]);
  });
});

test('no two requests of the pages for newcomers have one idempotency key, which would answer 409', () => {
  const keys = ['README.md', 'sdk/README.md', ...pagesIn('docs')].flatMap((page) =>
    [...read(page).matchAll(/-H 'idempotency-key: ([^'/]+)'/gi)].map(([, key]) => key),
  );
  expect(keys).toContain('order-42');
  expect(keys).toEqual([...new Set(keys)]);
});

const listens = ['docs/take-part.md', 'sdk/README.md'].flatMap((page) =>
  [...read(page).matchAll(/^app\.listen\(3000, .*?\);(?=\n```)/gms)].map(
    ([statement]) => [page, statement] as const,
  ),
);

test.each(listens)('the Express service on %s fails where its port is taken', async (_page, statement) => {
  const taken = createServer().listen(0, '127.0.0.1');
  try {
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const program = `const app = require('express')(); ${statement.replace('3000', String(port))}`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', program], { cwd: ROOT, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('EADDRINUSE');
  } finally {
    taken.close();
  }
});

test.each([
  'docs/take-part.md',
  'sdk/README.md',
])('each program on %s that needs a database says so', (page) => {
  const programs = [...read(page).matchAll(/^```js \S+\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const needing = programs.filter((text) => text.includes('createPool(process.env.DATABASE_URL)'));
  expect(needing).toHaveLength(2);
  for (const text of needing) expect(text).toContain("throw new Error('set DATABASE_URL first')");
});

describe('the begin of a saga', () => {
  const begins = ['README.md', 'docs/protocol.md', 'docs/which-pattern.md'].flatMap((page) =>
    sagasOn(page).map((begin) => [page, begin] as const),
  );

  test.each(begins)('on %s is one that the coordinator takes', (_page, begin) => {
    const { branches = [] } = Value.Parse(BeginRequest, JSON.parse(begin));
    const plan = planOf(
      'saga',
      branches.map((branch) => requestedBranchOf(branch, new Map())),
    );
    expect(plan).toHaveLength(branches.length);
    expect(plan).not.toHaveProperty('code');
  });

  test('is shown on each of these pages', () => {
    expect(new Set(begins.map(([page]) => page)).size).toBe(3);
  });
});

/** As JSON, or as what curl is given. */
function sagasOn(page: string): readonly string[] {
  return [...read(page).matchAll(/^```json\n(.*?)^```|-d '(\{.*?\})'$/gms)]
    .map(([, json, given]) => json ?? given ?? '')
    .filter((begin) => /"pattern": "saga",\s*"(?:branches|timeoutMs)"/.test(begin));
}

test('docs/completion.md says of each member of the request whether it is required', () => {
  const rows = [...read('docs/completion.md').matchAll(/^\| `(\w+)` \| (required|optional) \|/gm)];
  const { properties } = CompletionRequest;
  const required: readonly string[] = CompletionRequest.required;
  const schema = Object.keys(properties).map((name) => [
    name,
    required.includes(name) ? 'required' : 'optional',
  ]);
  expect(rows.map(([, name, needed]) => [name, needed])).toEqual(schema);
});

describe('docs/glossary.md', () => {
  const words = [...read('docs/glossary.md').matchAll(/^\| ([\w -]+?) \|/gm)].map(([, word]) => word ?? '');

  test('explains every word of the wire that is a literal', () => {
    const enums = [...read('src/wire/vocabulary.ts').matchAll(/words\(\s*'\w+',\s*\[([^\]]+)\]/g)];
    const literals = enums.flatMap(([, list]) => list?.match(/[a-z_]+/g) ?? []);
    expect(literals).toContain('trying');
    const told = read('docs/glossary.md') + read('docs/protocol.md');
    const unexplained = literals.filter((literal) => !told.includes(literal));
    expect(unexplained).toEqual([]);
  });

  test('explains no word twice', () => {
    expect(words).toEqual([...new Set(words)]);
  });
});
