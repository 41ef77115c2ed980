/** Tables that a migration makes. Each step can be repeated: MySQL commits DDL statement by statement, so one may die half-way. */
import type { QueryRunner } from 'typeorm';

/** A table by its name, and the lines between its brackets. */
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
    await queryRunner.query(`CREATE TABLE IF NOT EXISTS ${name} (${definition})${end}`);
}

/** MySQL has no `IF NOT EXISTS` for it. */
export async function createIndex(queryRunner: QueryRunner, index: string, on: string): Promise<void> {
  const known = isSqlite(queryRunner)
    ? await queryRunner.query("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?", [index])
    : await queryRunner.query(
        'SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = ?',
        [index],
      );
  if (known.length === 0) await queryRunner.query(`CREATE INDEX ${index} ON ${on}`);
}

export const isSqlite = (queryRunner: QueryRunner): boolean =>
  queryRunner.connection.options.type === 'better-sqlite3';

async function refuseForeign(queryRunner: QueryRunner, [name, definition]: Table): Promise<void> {
  if (!(await queryRunner.hasTable(name))) return;
  for (const [, column = ''] of definition.matchAll(
    /^\s*([a-z_]+) (?:varchar|int|datetime|text|mediumtext)\b/gm,
  )) {
    if (await queryRunner.hasColumn(name, column)) continue;
    throw new Error(
      `the table ${name} of this database is not tercet's: it has no column ${column}. ` +
        'Create an empty database for tercet, and name it in TERCET_DATABASE_URL',
    );
  }
}
