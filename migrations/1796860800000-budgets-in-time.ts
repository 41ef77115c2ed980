/** What a call has spent of its retry budget, and since when it is accepted. Both NULL while there is nothing of it. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

const COLUMNS = [
  ['phase_one_spent_ms', 'int'],
  ['phase_one_accepted_at', 'datetime(3)'],
  ['phase_two_spent_ms', 'int'],
  ['phase_two_accepted_at', 'datetime(3)'],
] as const;

export class BudgetsInTimeExpandOnly1796860800000 implements MigrationInterface {
  readonly name = 'BudgetsInTimeExpandOnly1796860800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const isSqlite = queryRunner.connection.options.type === 'better-sqlite3';
    // At the end of the row and nullable: no row is rewritten, and writers wait for a moment only.
    const instantly = isSqlite ? '' : ', ALGORITHM=INSTANT';
    for (const [column, type] of COLUMNS) {
      if (await queryRunner.hasColumn('branch', column)) continue;
      await queryRunner.query(`ALTER TABLE branch ADD COLUMN ${column} ${type} NULL${instantly}`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const [column] of COLUMNS) {
      if (await queryRunner.hasColumn('branch', column))
        await queryRunner.query(`ALTER TABLE branch DROP COLUMN ${column}`);
    }
  }
}
