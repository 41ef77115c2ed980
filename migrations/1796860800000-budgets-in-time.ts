/** What a call has spent of its retry budget, and since when it is accepted. Both NULL while there is nothing of it. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, dropColumns, type NewColumns } from './add-columns.ts';

const COLUMNS: NewColumns = [
  ['phase_one_spent_ms', 'int'],
  ['phase_one_accepted_at', 'datetime(3)'],
  ['phase_two_spent_ms', 'int'],
  ['phase_two_accepted_at', 'datetime(3)'],
];

export class BudgetsInTimeExpandOnly1796860800000 implements MigrationInterface {
  readonly name = 'BudgetsInTimeExpandOnly1796860800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await addColumns(queryRunner, 'branch', COLUMNS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropColumns(queryRunner, 'branch', COLUMNS);
  }
}
