/**
 * Values as literals of MySQL and MariaDB that need no escaping.
 *
 * A participant's connection has a sql_mode and a character set that are not ours. Where either of them changes what a
 * backslash or a quote means, a client that escapes values writes other SQL than it means to.
 */

/** `?` for each value; the SQL itself holds no other question mark. */
export function withLiterals(sql: string, values: readonly (string | number | null)[]): string {
  const [first = '', ...rest] = sql.split('?');
  if (rest.length !== values.length)
    throw new Error(`${values.length} values do not fit ${rest.length} places`);
  return rest.reduce((text, part, index) => `${text}${literalOf(values[index] ?? null)}${part}`, first);
}

/** @throws TypeError for a number that SQL has no literal for */
function literalOf(value: string | number | null): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return textLiteral(value);
  if (Number.isFinite(value)) return String(value);
  throw new TypeError(`${value} is no number that a column can hold`);
}

/** The introducer says what the bytes are, whatever the connection's own character set is. */
function textLiteral(value: string): string {
  const bytes = Buffer.from(value, 'utf8');
  const isAscii = bytes.length === value.length;
  return `${isAscii ? '_ascii' : '_utf8mb4'} X'${bytes.toString('hex')}'`;
}
