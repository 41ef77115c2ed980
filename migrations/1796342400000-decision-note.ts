/** The note of a cancel, next to the decision that it led to. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, dropColumns, type NewColumns } from './add-columns.ts';

const COLUMNS: NewColumns = [['decision_note', 'varchar(500)']];

export class DecisionNoteExpandOnly1796342400000 implements MigrationInterface {
  readonly name = 'DecisionNoteExpandOnly1796342400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await addColumns(queryRunner, 'global_transaction', COLUMNS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropColumns(queryRunner, 'global_transaction', COLUMNS);
  }
}
