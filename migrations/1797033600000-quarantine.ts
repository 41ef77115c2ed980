/** How many branches a transaction has, and since when and why it is in quarantine. NULL where that is not known, or not so. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

const COLUMNS = [
  ['branch_count', 'int'],
  ['quarantined_at', 'datetime(3)'],
  ['quarantine_fault', 'varchar(500)'],
] as const;

export class QuarantineExpandOnly1797033600000 implements MigrationInterface {
  readonly name = 'QuarantineExpandOnly1797033600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const isSqlite = queryRunner.connection.options.type === 'better-sqlite3';
    const instantly = isSqlite ? '' : ', ALGORITHM=INSTANT';
    for (const [column, type] of COLUMNS) {
      if (await queryRunner.hasColumn('global_transaction', column)) continue;
      await queryRunner.query(`ALTER TABLE global_transaction ADD COLUMN ${column} ${type} NULL${instantly}`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const [column] of COLUMNS) {
      if (await queryRunner.hasColumn('global_transaction', column))
        await queryRunner.query(`ALTER TABLE global_transaction DROP COLUMN ${column}`);
    }
  }
}
