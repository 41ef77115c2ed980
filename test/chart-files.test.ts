// The files of the chart agree with the sources that they follow.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { chartFiles, chartFolder } from '../scripts/chart/files.ts';
import { valuesTable } from '../scripts/chart/values-table.ts';
import { valuesSchema } from '../scripts/chart/values-schema.ts';
import { fullConfig, readDockerfile, stageOf } from './image/dockerfile.ts';

const read = (file: string): string => readFileSync(join(chartFolder, file), 'utf8');

describe('the chart', () => {
  test.each(chartFiles())('has $path as `npm run chart` writes it', ({ path, text }) => {
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('is of the version of the program', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
    expect(parse(read('Chart.yaml'))).toMatchObject({ appVersion: version });
  });

  test('has a schema of each value, and a default of each value in the schema', () => {
    const { global: _, ...properties } = valuesSchema.properties as Record<string, unknown>;
    expect(pathsOf(parse(read('values.yaml')), { ...valuesSchema, properties })).toEqual([]);
  });
});

const dockerfile = join(import.meta.dirname, '../Dockerfile');

describe('the image of the Dockerfile', () => {
  const stages = readDockerfile(readFileSync(dockerfile, 'utf8'));
  const image = fullConfig(stages, stageOf(stages, null));

  test('has the user of the pods', () => {
    const { podSecurityContext } = parse(read('values.yaml'));
    expect(image.user).toMatch(
      new RegExp(`^${podSecurityContext.runAsUser}(?::${podSecurityContext.runAsGroup})?$`),
    );
  });

  test('has an entry point that takes the file to run as its argument, as migration and test give it', () => {
    expect(image).toMatchObject({ entrypoint: ['node'], command: ['src/main.ts'] });
  });
});

type Node = { readonly properties?: Readonly<Record<string, unknown>> };

/** The paths that only one of both has. Settings without a default of the chart's own have that of the program. */
function pathsOf(values: unknown, { properties }: Node, path = ''): readonly string[] {
  if (properties === undefined || path === 'config.') return [];
  const given = values as Readonly<Record<string, unknown>>;
  const names = [...new Set([...Object.keys(given), ...Object.keys(properties)])];
  return names.flatMap((name) =>
    name in given && name in properties
      ? pathsOf(given[name], properties[name] as Node, `${path}${name}.`)
      : [`${path}${name}`],
  );
}

describe('the table of values', () => {
  test('has each described value with its default, and its comment over several lines', () => {
    const text = [
      '# About the file.',
      '',
      '# -- How many',
      'count: 2',
      'map:',
      '  # Of the file alone.',
      '  # -- First',
      '  # line | second',
      '  one: {a: b}',
      '  # -- None',
      "  two: ''",
    ].join('\n');
    expect(valuesTable(text).split('\n').slice(2)).toEqual([
      '| `count` | `2` | How many |',
      '| `map.one` | `{"a":"b"}` | First line \\| second |',
      '| `map.two` |  | None |',
    ]);
  });

  test('is refused while a value is not described', () => {
    expect(() => valuesTable('map:\n  # one\n  one: 1\n')).toThrow('describes map.one');
  });
});
