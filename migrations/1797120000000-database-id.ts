/** A name of this database that no other has. It goes with a backup, and all replicas read the same. */
import { randomUUID } from 'node:crypto';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class DatabaseIdExpandOnly1797120000000 implements MigrationInterface {
  readonly name = 'DatabaseIdExpandOnly1797120000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const isSqlite = queryRunner.connection.options.type === 'better-sqlite3';
    const ascii = isSqlite ? '' : ' CHARACTER SET ascii COLLATE ascii_bin';
    const end = isSqlite ? '' : ' ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4';
    // The key admits one row.
    await queryRunner.query(
      `CREATE TABLE IF NOT EXISTS database_id (one int NOT NULL, id varchar(36)${ascii} NOT NULL, PRIMARY KEY (one))${end}`,
    );
    const insert = isSqlite ? 'INSERT OR IGNORE' : 'INSERT IGNORE';
    await queryRunner.query(`${insert} INTO database_id (one, id) VALUES (1, ?)`, [randomUUID()]);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE IF EXISTS database_id');
  }
}
