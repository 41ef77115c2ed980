/**
 * The first schema. MySQL, MariaDB and SQLite differ in three words only, which stand at the top.
 *
 * - `journal` is the truth; its primary key is the compare-and-set. `global_transaction` and `branch` are projections.
 * - No index begins with the status: every transaction would move through it three times.
 * - No foreign keys: they take locks on the parent's row in an order of their own.
 * - `waiting_since` is NULL for the usual instant, which other columns have. What is owed is found by `wake_at`.
 * - `alert` has one row for each transaction and cause, for as long as the cause lasts.
 * - `guard` always holds its one row, so that inserting it again fails the packet that noticed a wrong row count.
 */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIndex, createTables, dropTables, isSqlite, type Table } from './create-table.ts';
import { sqlName } from './table-name.ts';

export class InitialSchema1796169600000 implements MigrationInterface {
  readonly name = 'InitialSchema1796169600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const ascii = isSqlite(queryRunner) ? '' : ' CHARACTER SET ascii COLLATE ascii_bin';
    const text = isSqlite(queryRunner) ? 'text' : 'mediumtext';
    const call = (phase: string) => `
      ${phase}_reply varchar(10)${ascii} NULL,
      ${phase}_attempt_count int NOT NULL,
      ${phase}_due_at datetime(3) NOT NULL,
      ${phase}_parked_at datetime(3) NULL,
      ${phase}_answer varchar(200) NULL,
      ${phase}_duration_ms int NULL`;

    const tables: readonly Table[] = [
      [
        'journal',
        `
      gid varchar(36)${ascii} NOT NULL,
      seq int NOT NULL,
      at datetime(3) NOT NULL,
      writer varchar(36)${ascii} NOT NULL,
      version int NOT NULL,
      entries ${text} NOT NULL,
      PRIMARY KEY (gid, seq)
    `,
      ],
      [
        'global_transaction',
        `
      gid varchar(36)${ascii} NOT NULL PRIMARY KEY,
      seq int NOT NULL,
      version int NOT NULL,
      pattern varchar(8)${ascii} NOT NULL,
      mode varchar(12)${ascii} NOT NULL,
      name varchar(128) NULL,
      business_key varchar(128) NULL,
      body_hash varchar(64)${ascii} NOT NULL,
      traceparent varchar(64)${ascii} NULL,
      tracestate varchar(512)${ascii} NULL,
      policy text NOT NULL,
      began_at datetime(3) NOT NULL,
      deadline_at datetime(3) NOT NULL,
      status varchar(12)${ascii} NOT NULL,
      decision varchar(8)${ascii} NULL,
      decision_reason varchar(24)${ascii} NULL,
      decided_at datetime(3) NULL,
      decided_by_branch_id varchar(64)${ascii} NULL,
      parked_at datetime(3) NULL,
      waiting_since datetime(3) NULL,
      finished_at datetime(3) NULL,
      pivot_started_at datetime(3) NULL,
      cancel_asked_at datetime(3) NULL,
      callback text NULL,
      notification text NULL,
      wake_at datetime(3) NULL,
      waker varchar(36)${ascii} NULL,
      miss_count int NOT NULL
    `,
      ],
      [
        'branch',
        `
      gid varchar(36)${ascii} NOT NULL,
      branch_id varchar(64)${ascii} NOT NULL,
      position int NOT NULL,
      participant varchar(1024)${ascii} NOT NULL,
      activity varchar(64)${ascii} NOT NULL,
      payload ${text} NOT NULL,
      body_hash varchar(64)${ascii} NOT NULL,
      policy text NULL,${call('phase_one')},${call('phase_two')},
      waiting_since datetime(3) NULL,
      late_success_count int NOT NULL,
      step text NULL,
      result text NULL,
      PRIMARY KEY (gid, branch_id)
    `,
      ],
      [
        'begin_key',
        `
      begin_key varchar(255)${ascii} NOT NULL PRIMARY KEY,
      gid varchar(36)${ascii} NOT NULL
    `,
      ],
      [
        'alert',
        `
      gid varchar(36)${ascii} NOT NULL,
      cause varchar(24)${ascii} NOT NULL,
      batch_id varchar(36)${ascii} NOT NULL,
      raised_at datetime(3) NOT NULL,
      attempt_count int NOT NULL,
      due_at datetime(3) NOT NULL,
      sent_at datetime(3) NULL,
      PRIMARY KEY (gid, cause)
    `,
      ],
      [
        'participant',
        `
      name varchar(64)${ascii} NOT NULL PRIMARY KEY,
      base_urls ${text} NOT NULL,
      paths ${text} NOT NULL,
      call_timeout_ms int NULL,
      secrets text NULL,
      activities ${text} NULL
    `,
      ],
      ['guard', 'id int NOT NULL PRIMARY KEY'],
    ];
    await createTables(queryRunner, tables);
    await createIndex(queryRunner, 'global_transaction_wake_at', ['global_transaction', 'wake_at']);
    await createIndex(queryRunner, 'global_transaction_finished_at', ['global_transaction', 'finished_at']);
    await createIndex(queryRunner, 'global_transaction_business_key', ['global_transaction', 'business_key']);
    await createIndex(queryRunner, 'begin_key_gid', ['begin_key', 'gid']);
    await createIndex(queryRunner, 'alert_batch_id', ['alert', 'batch_id']);
    await createIndex(queryRunner, 'alert_due_at', ['alert', 'sent_at, due_at']);
    const guard = sqlName(queryRunner.connection, 'guard');
    const marks = await queryRunner.query(`SELECT id FROM ${guard}`);
    if (marks.length === 0) await queryRunner.query(`INSERT INTO ${guard} VALUES (1)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const projections = ['global_transaction', 'branch', 'begin_key'];
    await dropTables(queryRunner, ['journal', ...projections, 'alert', 'participant', 'guard']);
  }
}
