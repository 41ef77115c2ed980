/** The kinds of activities that a participant declares. Nullable: a row of before, or written by a replica of before, has none. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ParticipantActivities1764460800000 implements MigrationInterface {
  readonly name = 'ParticipantActivities1764460800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const isSqlite = queryRunner.connection.options.type === 'better-sqlite3';
    await queryRunner.query(
      `ALTER TABLE participant ADD COLUMN activities ${isSqlite ? 'text' : 'mediumtext'} NULL`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE participant DROP COLUMN activities');
  }
}
