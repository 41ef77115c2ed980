/** Columns that an expand-only migration adds. */
import type { QueryRunner } from 'typeorm';
import { isSqlite } from './create-table.ts';
import { fullName, sqlName } from './table-name.ts';

export type NewColumns = readonly (readonly [name: string, type: string])[];

/**
 * At the end of the row and nullable: no row is rewritten, and writers wait for a moment only.
 *
 * @param table its name without prefix
 */
export async function addColumns(
  queryRunner: QueryRunner,
  table: string,
  columns: NewColumns,
): Promise<void> {
  const instantly = isSqlite(queryRunner) ? '' : ', ALGORITHM=INSTANT';
  for (const [column, type] of columns) {
    if (await queryRunner.hasColumn(fullName(queryRunner.connection, table), column)) continue;
    await queryRunner.query(
      `ALTER TABLE ${sqlName(queryRunner.connection, table)} ADD COLUMN ${column} ${type} NULL${instantly}`,
    );
  }
}

export async function dropColumns(
  queryRunner: QueryRunner,
  table: string,
  columns: NewColumns,
): Promise<void> {
  for (const [column] of columns) {
    if (await queryRunner.hasColumn(fullName(queryRunner.connection, table), column))
      await queryRunner.query(`ALTER TABLE ${sqlName(queryRunner.connection, table)} DROP COLUMN ${column}`);
  }
}
