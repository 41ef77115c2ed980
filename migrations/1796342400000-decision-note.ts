/** The note of a cancel, next to the decision that it led to. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class DecisionNoteExpandOnly1796342400000 implements MigrationInterface {
  readonly name = 'DecisionNoteExpandOnly1796342400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    if (await queryRunner.hasColumn('global_transaction', 'decision_note')) return;
    const isSqlite = queryRunner.connection.options.type === 'better-sqlite3';
    // At the end of the row and nullable: no row is rewritten, and writers wait for a moment only.
    const instantly = isSqlite ? '' : ', ALGORITHM=INSTANT';
    await queryRunner.query(
      `ALTER TABLE global_transaction ADD COLUMN decision_note varchar(500) NULL${instantly}`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    if (await queryRunner.hasColumn('global_transaction', 'decision_note'))
      await queryRunner.query('ALTER TABLE global_transaction DROP COLUMN decision_note');
  }
}
