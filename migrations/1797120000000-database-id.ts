/** A name of this database that no other has. It goes with a backup, and all replicas read the same. */
import { randomUUID } from 'node:crypto';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTables, dropTables, isSqlite } from './create-table.ts';
import { sqlName } from './table-name.ts';

export class DatabaseIdExpandOnly1797120000000 implements MigrationInterface {
  readonly name = 'DatabaseIdExpandOnly1797120000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const ascii = isSqlite(queryRunner) ? '' : ' CHARACTER SET ascii COLLATE ascii_bin';
    // The key admits one row.
    const definition = `
      one int NOT NULL PRIMARY KEY,
      id varchar(36)${ascii} NOT NULL
    `;
    await createTables(queryRunner, [['database_id', definition]]);
    const insert = isSqlite(queryRunner) ? 'INSERT OR IGNORE' : 'INSERT IGNORE';
    const table = sqlName(queryRunner.connection, 'database_id');
    await queryRunner.query(`${insert} INTO ${table} (one, id) VALUES (1, ?)`, [randomUUID()]);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropTables(queryRunner, ['database_id']);
  }
}
