/** How many calls each replica makes to a participant: at the same time, and per second. NULL for no limit of its own. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, dropColumns, type NewColumns } from './add-columns.ts';

const COLUMNS: NewColumns = [
  ['max_concurrent_calls', 'int'],
  ['max_calls_per_second', 'int'],
];

export class ParticipantLimitsExpandOnly1797206400000 implements MigrationInterface {
  readonly name = 'ParticipantLimitsExpandOnly1797206400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await addColumns(queryRunner, 'participant', COLUMNS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropColumns(queryRunner, 'participant', COLUMNS);
  }
}
