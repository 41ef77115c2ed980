/** When a participant has recovered, and which replica resumes which of the transactions that waited for it. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ResumptionsExpandOnly1796947200000 implements MigrationInterface {
  readonly name = 'ResumptionsExpandOnly1796947200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const isSqlite = queryRunner.connection.options.type === 'better-sqlite3';
    const ascii = isSqlite ? '' : ' CHARACTER SET ascii COLLATE ascii_bin';
    const end = isSqlite ? '' : ' ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4';
    const instantly = isSqlite ? '' : ', ALGORITHM=INSTANT';
    if (!(await queryRunner.hasColumn('participant', 'resumed_at')))
      await queryRunner.query(`ALTER TABLE participant ADD COLUMN resumed_at datetime(3) NULL${instantly}`);
    // The index is part of the statement on MySQL, so that a repetition finds both or neither.
    const index = isSqlite ? '' : ', INDEX resumption_claimed_at (claimed_at)';
    await queryRunner.query(`CREATE TABLE IF NOT EXISTS resumption (
      participant varchar(64)${ascii} NOT NULL,
      gid varchar(36)${ascii} NOT NULL,
      claimed_at datetime(3) NOT NULL,
      claimant varchar(36)${ascii} NOT NULL,
      PRIMARY KEY (participant, gid)${index}
    )${end}`);
    if (isSqlite)
      await queryRunner.query('CREATE INDEX IF NOT EXISTS resumption_claimed_at ON resumption (claimed_at)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE IF EXISTS resumption');
    if (await queryRunner.hasColumn('participant', 'resumed_at'))
      await queryRunner.query('ALTER TABLE participant DROP COLUMN resumed_at');
  }
}
