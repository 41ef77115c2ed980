/** The values of a chart as a table, from the comments of values.yaml that begin with `--`. */
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

type Row = { readonly value: string; readonly default: string; readonly description: string };

/** @throws Error for a value that no comment describes */
export function valuesTable(text: string): string {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('the values are no map');
  const rows = rowsOf(contents, '').map(
    ({ value, default: standard, description }) =>
      `| \`${value}\` | ${standard === '' ? '' : `\`${standard}\``} | ${description.replaceAll('|', '\\|')} |`,
  );
  return ['| value | default | what it is |', '|---|---|---|', ...rows].join('\n');
}

function rowsOf(map: YAMLMap, path: string): Row[] {
  return map.items.flatMap((pair, index) => {
    const value = `${path}${keyOf(pair)}`;
    const description = descriptionOf(commentOf(pair) ?? (index === 0 ? map.commentBefore : null));
    if (description !== null) return [{ value, default: defaultOf(pair), description }];
    if (isMap(pair.value) && pair.value.items.length > 0) return rowsOf(pair.value, `${value}.`);
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

function defaultOf({ value }: Pair): string {
  const json = JSON.stringify((value as { toJSON(): unknown } | null)?.toJSON() ?? null);
  return json === '""' ? '' : json.replaceAll('|', '\\|');
}
