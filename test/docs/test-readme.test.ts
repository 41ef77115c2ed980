/** test/README.md agrees with the suites: each invariant with the suites that name it, and each suite with a row. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const tests = join(import.meta.dirname, '..');
const readme = readFileSync(join(tests, 'README.md'), 'utf8');
const protocol = readFileSync(join(tests, '../docs/protocol.md'), 'utf8');

const foldersIn = (folder: string): readonly string[] =>
  readdirSync(join(tests, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));

/** `support` has no suite of the product. */
const suites = foldersIn('')
  .filter((folder) => folder !== 'support')
  .flatMap((folder) => (folder === 'system' ? foldersIn(folder) : folder))
  .sort();

/** Of the table between the two marks, without its head. */
function rowsOf(mark: string): readonly (readonly string[])[] {
  const [, table = ''] =
    new RegExp(`<!-- ${mark}: begin -->\n(.*?)<!-- ${mark}: end -->`, 's').exec(readme) ?? [];
  const lines = table.trim().split('\n').slice(2);
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Without this test and the pages, which only repeat the numbers. */
function sourcesOf(suite: string): string {
  return readdirSync(join(tests, suite), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(tests, suite, file), 'utf8'))
    .join('\n');
}

const invariants = protocol.match(/(?<=^\| )I\d+(?= \|)/gm) ?? [];
const proving = suites.filter((suite) => suite !== 'docs').map((suite) => [suite, sourcesOf(suite)] as const);

describe('test/README.md', () => {
  test('has a row for each invariant of docs/protocol.md, in its order', () => {
    expect(invariants).toHaveLength(16);
    expect(rowsOf('invariants').map(([invariant]) => invariant)).toEqual(invariants);
  });

  test.each(invariants)('lists the suites that name %s, and there is one', (invariant) => {
    const named = new RegExp(`\\b${invariant}\\b`);
    const naming = proving.filter(([, source]) => named.test(source)).map(([suite]) => `\`${suite}\``);
    expect(naming).not.toEqual([]);
    const row = rowsOf('invariants').find(([number]) => number === invariant);
    expect(row?.[2]).toBe(naming.join(', '));
  });

  test('has a row for each suite', () => {
    expect(rowsOf('suites').map(([suite]) => suite)).toEqual(suites.map((suite) => `\`${suite}\``));
  });
});
