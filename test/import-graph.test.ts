/**
 * The direction of imports between the rooms of the code (docs/architecture.md): no edge that is not listed here, and no
 * circle of files. Types count: a room that names another's types depends on it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';

const repository = join(import.meta.dirname, '..');

/** By room, the rooms that it may import from. Files directly in `src` are `main`, but for the catalogue of errors. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'src/wire': [],
  'src/domain': [],
  'src/definition': ['src/domain'],
  'src/application': ['src/domain', 'src/definition'],
  'src/errors.ts': ['src/application'],
  'src/api': ['src/wire', 'src/domain', 'src/application', 'src/errors.ts'],
  'src/http': ['src/wire', 'src/api', 'src/errors.ts'],
  'src/observability': ['src/wire', 'src/domain', 'src/application'],
  'src/adapters': ['src/wire', 'src/domain', 'src/application', 'migrations'],
  migrations: [],
  sdk: ['src/wire'],
  'sdk/src/testing': ['sdk', 'src/wire', 'src/domain', 'src/application', 'src/api', 'src/adapters/memory'],
};

/** All forms that name a module: static, dynamic, re-export, and the type `import('…')`. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)(['"`])(?<source>[^'"`\n]+)\1/g;

const filesIn = (folder: string): string[] =>
  readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules') && !name.startsWith('dist/'))
    .map((name) => join(folder, name));

const files = ['src', 'sdk/src', 'migrations'].flatMap(filesIn);

/** By file, the files of this repository that it imports. */
const imports = new Map(
  files.map((file) => {
    const text = readFileSync(join(repository, file), 'utf8').replaceAll(/\/\*.*?\*\//gs, '');
    const sources = [...text.matchAll(IMPORT)].map(({ groups }) => groups?.source ?? '');
    return [file, sources.flatMap((source) => targetOf(file, source))];
  }),
);

/** None for a package. @throws for a file that does not exist, so that no import is overlooked */
function targetOf(file: string, source: string): string[] {
  if (source.startsWith('@tercet/')) return ['sdk/src/index.ts'];
  if (!source.startsWith('.')) return [];
  const target = normalize(join(dirname(file), source));
  if (!existsSync(join(repository, target))) throw new Error(`${file} imports ${source}, which is no file`);
  return [target];
}

function roomOf(file: string): string {
  if (file.startsWith('sdk/')) return file.startsWith('sdk/src/testing/') ? 'sdk/src/testing' : 'sdk';
  if (file.startsWith('migrations/')) return 'migrations';
  if (file === 'src/errors.ts') return file;
  const [, folder = '', rest] = file.split('/');
  return rest === undefined ? 'main' : `src/${folder}`;
}

const mayImport = (from: string, target: string): boolean => {
  const to = roomOf(target);
  if (from === 'main' || from === to) return from === to || !to.startsWith('sdk');
  return (ALLOWED[from] ?? []).some((room) => to === room || target.startsWith(`${room}/`));
};

test('no room imports from a room that it may not', () => {
  const wrong = [...imports].flatMap(([file, targets]) =>
    targets.filter((target) => !mayImport(roomOf(file), target)).map((target) => `${file} → ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('each allowed edge exists, so that the list is no wider than the code', () => {
  const edges = new Set(
    [...imports].flatMap(([file, targets]) => targets.map((to) => `${roomOf(file)} ${to}`)),
  );
  const unused = Object.entries(ALLOWED).flatMap(([room, targets]) =>
    targets
      .filter((target) => ![...edges].some((edge) => edge.startsWith(`${room} ${target}`)))
      .map((to) => `${room} → ${to}`),
  );
  expect(unused).toEqual([]);
});

test('no files import each other in a circle', () => {
  const done = new Set<string>();
  const path: string[] = [];
  const circles: string[] = [];
  const visit = (file: string): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (done.has(file) || path.includes(file)) return;
    path.push(file);
    for (const target of imports.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of files) visit(file);
  expect(circles).toEqual([]);
});

test('the reader of imports finds every form', () => {
  const text = `import a from './a.ts'; export * from "./b.ts"; await import('./c.ts'); type D = import('./d.ts').D; import './e.ts';`;
  expect([...text.matchAll(IMPORT)].map(({ groups }) => groups?.source)).toEqual(
    ['a', 'b', 'c', 'd', 'e'].map((name) => `./${name}.ts`),
  );
});
