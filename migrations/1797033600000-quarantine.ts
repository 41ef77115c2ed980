/** How many branches a transaction has, and since when and why it is in quarantine. NULL where that is not known, or not so. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, dropColumns, type NewColumns } from './add-columns.ts';

const COLUMNS: NewColumns = [
  ['branch_count', 'int'],
  ['quarantined_at', 'datetime(3)'],
  ['quarantine_fault', 'varchar(500)'],
];

export class QuarantineExpandOnly1797033600000 implements MigrationInterface {
  readonly name = 'QuarantineExpandOnly1797033600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await addColumns(queryRunner, 'global_transaction', COLUMNS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropColumns(queryRunner, 'global_transaction', COLUMNS);
  }
}
