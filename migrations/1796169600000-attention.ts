/**
 * What an operator is notified of: since when a branch waits for a success that must come, and the alerts that were
 * raised for it.
 *
 * - `waiting_since` has no index: every transaction would pass through it twice. What is owed is found by `wake_at`.
 * - `alert` has one row for each transaction and cause, for as long as the cause lasts.
 */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Attention1796169600000 implements MigrationInterface {
  readonly name = 'Attention1796169600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const isSqlite = queryRunner.connection.options.type === 'better-sqlite3';
    const ascii = isSqlite ? '' : ' CHARACTER SET ascii COLLATE ascii_bin';
    const end = isSqlite ? '' : ' ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4';
    for (const table of ['global_transaction', 'branch'])
      await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN waiting_since datetime(3) NULL`);
    await queryRunner.query(`CREATE TABLE alert (
      gid varchar(36)${ascii} NOT NULL,
      cause varchar(24)${ascii} NOT NULL,
      batch_id varchar(36)${ascii} NOT NULL,
      raised_at datetime(3) NOT NULL,
      attempt_count int NOT NULL,
      due_at datetime(3) NOT NULL,
      sent_at datetime(3) NULL,
      PRIMARY KEY (gid, cause)
    )${end}`);
    await queryRunner.query('CREATE INDEX alert_batch_id ON alert (batch_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE alert');
    for (const table of ['global_transaction', 'branch'])
      await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN waiting_since`);
  }
}
