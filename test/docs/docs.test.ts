/** The pages that repeat what the code says are compared with it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { settingsTable } from '../../src/config.ts';
import { protocolTable } from './protocol-table.ts';

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

  test.each([
    'README.md',
    'docs/protocol.md',
    'docs/architecture.md',
    'docs/errors.md',
    'docs/glossary.md',
    'docs/operations.md',
  ])('%s names only files that exist', (page) => {
    const links = [...read(page).matchAll(/\]\((?!http)([^)#]+)/g)].map(([, link]) => link ?? '');
    const named = [
      ...read(page).matchAll(/\b(?:src|examples|test|docs|scripts)\/[\w/-]+\.(?:ts|mjs|md)\b/g),
    ].map(([name]) => name);
    const missing = [...links.filter((link) => !link.startsWith('..')), ...named].filter(
      (file) => !existsSync(new URL(`../../${file}`, import.meta.url)),
    );
    expect(missing).toEqual([]);
  });
});

describe('docs/glossary.md', () => {
  const words = [...read('docs/glossary.md').matchAll(/^\| ([\w -]+?) \|/gm)].map(([, word]) => word ?? '');

  test('explains every word of the wire that is a literal', () => {
    const enums = [...read('sdk/src/wire/vocabulary.ts').matchAll(/words\(\s*\[([^\]]+)\]/g)];
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
