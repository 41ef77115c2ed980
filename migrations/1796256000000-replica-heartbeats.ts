/** Heartbeats of the replicas: which versions of the journal each of them reads. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTables, dropTables, isSqlite } from './create-table.ts';

export class ReplicaHeartbeatsExpandOnly1796256000000 implements MigrationInterface {
  readonly name = 'ReplicaHeartbeatsExpandOnly1796256000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const ascii = isSqlite(queryRunner) ? '' : ' CHARACTER SET ascii COLLATE ascii_bin';
    const definition = `
      id varchar(36)${ascii} NOT NULL PRIMARY KEY,
      program_version varchar(64)${ascii} NOT NULL,
      newest_read_version int NOT NULL,
      seen_at datetime(3) NOT NULL
    `;
    await createTables(queryRunner, [['replica', definition]]);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropTables(queryRunner, ['replica']);
  }
}
