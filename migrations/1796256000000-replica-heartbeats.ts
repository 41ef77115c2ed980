/** Heartbeats of the replicas: which versions of the journal each of them reads. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ReplicaHeartbeatsExpandOnly1796256000000 implements MigrationInterface {
  readonly name = 'ReplicaHeartbeatsExpandOnly1796256000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const isSqlite = queryRunner.connection.options.type === 'better-sqlite3';
    const ascii = isSqlite ? '' : ' CHARACTER SET ascii COLLATE ascii_bin';
    const end = isSqlite ? '' : ' ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4';
    await queryRunner.query(`CREATE TABLE IF NOT EXISTS replica (
      id varchar(36)${ascii} NOT NULL PRIMARY KEY,
      program_version varchar(64)${ascii} NOT NULL,
      newest_read_version int NOT NULL,
      seen_at datetime(3) NOT NULL
    )${end}`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE IF EXISTS replica');
  }
}
