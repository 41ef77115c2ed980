/** Tables that a migration makes. Each step can be repeated: MySQL commits DDL statement by statement, so one may die half-way. */
import type { QueryRunner } from 'typeorm';
import { fullName, sqlName } from './table-name.ts';

/** A table by its name without prefix, and the lines between its brackets. */
export type Table = readonly [name: string, definition: string];

/**
 * Makes what is not there yet.
 *
 * @throws Error before anything is made, when a table of that name is another application's
 */
export async function createTables(queryRunner: QueryRunner, tables: readonly Table[]): Promise<void> {
  const end = isSqlite(queryRunner) ? '' : ' ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4';
  for (const table of tables) await refuseForeign(queryRunner, table);
  for (const [name, definition] of tables)
    await queryRunner.query(
      `CREATE TABLE IF NOT EXISTS ${sqlName(queryRunner.connection, name)} (${definition})${end}`,
    );
}

export async function dropTables(queryRunner: QueryRunner, names: readonly string[]): Promise<void> {
  for (const name of names)
    await queryRunner.query(`DROP TABLE IF EXISTS ${sqlName(queryRunner.connection, name)}`);
}

/**
 * MySQL has no `IF NOT EXISTS` for it.
 *
 * @param index without prefix: an index has the prefix of its table, since SQLite has one name for it in a schema
 */
export async function createIndex(
  queryRunner: QueryRunner,
  index: string,
  [table, columns]: readonly [table: string, columns: string],
): Promise<void> {
  const { connection } = queryRunner;
  const names = [fullName(connection, table), fullName(connection, index)];
  const known = await queryRunner.query(
    isSqlite(queryRunner)
      ? "SELECT 1 FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND name = ?"
      : 'SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?',
    names,
  );
  if (known.length > 0) return;
  await queryRunner.query(
    `CREATE INDEX ${sqlName(connection, index)} ON ${sqlName(connection, table)} (${columns})`,
  );
}

export const isSqlite = (queryRunner: QueryRunner): boolean =>
  queryRunner.connection.options.type === 'better-sqlite3';

/** @throws Error where the table is there and lacks a column */
export async function refuseForeign(queryRunner: QueryRunner, [table, definition]: Table): Promise<void> {
  const name = fullName(queryRunner.connection, table);
  if (!(await queryRunner.hasTable(name))) return;
  for (const [, column = ''] of definition.matchAll(
    /^\s*([a-z_]+) (?:varchar|int|bigint|datetime|text|mediumtext)\b/gm,
  )) {
    if (await queryRunner.hasColumn(name, column)) continue;
    throw new Error(notOurs(name, `it has no column ${column}`));
  }
}

export const notOurs = (table: string, because: string): string =>
  `the table ${table} of this database is not tercet's: ${because}. ` +
  'Set TERCET_TABLE_PREFIX, or create an empty database for tercet and name it in TERCET_DATABASE_URL';
