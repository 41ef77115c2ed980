/** When a participant has recovered, and which replica resumes which of the transactions that waited for it. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, dropColumns, type NewColumns } from './add-columns.ts';
import { createIndex, createTables, dropTables, isSqlite } from './create-table.ts';

const COLUMNS: NewColumns = [['resumed_at', 'datetime(3)']];

export class ResumptionsExpandOnly1796947200000 implements MigrationInterface {
  readonly name = 'ResumptionsExpandOnly1796947200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const ascii = isSqlite(queryRunner) ? '' : ' CHARACTER SET ascii COLLATE ascii_bin';
    await addColumns(queryRunner, 'participant', COLUMNS);
    const definition = `
      participant varchar(64)${ascii} NOT NULL,
      gid varchar(36)${ascii} NOT NULL,
      claimed_at datetime(3) NOT NULL,
      claimant varchar(36)${ascii} NOT NULL,
      PRIMARY KEY (participant, gid)
    `;
    await createTables(queryRunner, [['resumption', definition]]);
    await createIndex(queryRunner, 'resumption_claimed_at', ['resumption', 'claimed_at']);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropTables(queryRunner, ['resumption']);
    await dropColumns(queryRunner, 'participant', COLUMNS);
  }
}
