/** The values of a chart as a table, from the comments of values.yaml that begin with `--`. */
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** A value that a comment describes: its path, its default, and the comment. */
export type Leaf = { readonly value: string; readonly standard: unknown; readonly description: string };

export function valuesTable(text: string): string {
  const rows = leavesOf(text).map(
    ({ value, standard, description }) =>
      `| \`${value}\` | ${shown(standard)} | ${description.replaceAll('|', '\\|')} |`,
  );
  return ['| value | default | what it is |', '|---|---|---|', ...rows].join('\n');
}

const shown = (standard: unknown): string =>
  standard === '' ? '' : `\`${JSON.stringify(standard).replaceAll('|', '\\|')}\``;

/** @throws Error for a value that no comment describes */
export function leavesOf(text: string): readonly Leaf[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('the values are no map');
  return leavesIn(contents, '');
}

function leavesIn(map: YAMLMap, path: string): Leaf[] {
  return map.items.flatMap((pair, index) => {
    const value = `${path}${keyOf(pair)}`;
    const description = descriptionOf(commentOf(pair) ?? (index === 0 ? map.commentBefore : null));
    if (description !== null) return [{ value, standard: defaultOf(pair), description }];
    if (isMap(pair.value) && pair.value.items.length > 0) return leavesIn(pair.value, `${value}.`);
    throw new Error(`values.yaml: no comment with “--” describes ${value}`);
  });
}

const keyOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : key);

const commentOf = ({ key }: Pair): string | null | undefined => (isScalar(key) ? key.commentBefore : null);

/** Comments before the one with dashes are for readers of the file. */
function descriptionOf(comment: string | null | undefined): string | null {
  const [, ...described] = (comment ?? '').split(/^ -- /m);
  return described.at(-1)?.replaceAll(/\n */g, ' ').trim() ?? null;
}

function defaultOf({ value }: Pair): unknown {
  return (value as { toJSON(): unknown } | null)?.toJSON() ?? null;
}
