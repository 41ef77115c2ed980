/** `columns.ts` against the tables that the migrations make. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DataSource } from 'typeorm';
import * as columns from '../../../src/adapters/sql/columns.ts';
import { migrate, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { describeOn } from '../../support/servers.ts';

const TABLES: Readonly<Record<string, readonly columns.Columns[]>> = {
  global_transaction: [columns.transactionColumns],
  branch: [columns.branchColumns, columns.phaseOneColumns, columns.phaseTwoColumns],
  journal: [columns.journalColumns],
  begin_key: [columns.beginKeyColumns],
  participant: [columns.participantColumns, columns.recoveryColumns],
  replica: [columns.heartbeatColumns],
  resumption: [columns.resumptionColumns],
};

const TYPES: Readonly<Record<columns.ColumnType, readonly string[]>> = {
  word: ['varchar'],
  text: ['text', 'mediumtext'],
  json: ['text', 'mediumtext'],
  count: ['int'],
  instant: ['datetime', 'datetime(3)'],
};

function suite(createDatabase: () => Promise<string>): void {
  let dataSource: DataSource;
  beforeAll(async () => {
    dataSource = await openDataSource(await createDatabase());
    await migrate(dataSource);
  });
  afterAll(() => dataSource.destroy());

  test.each(Object.entries(TABLES))('%s has these columns and no other', async (name, groups) => {
    const runner = dataSource.createQueryRunner();
    const table = await runner.getTable(name);
    await runner.release();
    const stored = new Map(table?.columns.map((column) => [column.name, column]));
    const written = groups.flatMap((group) => Object.values(group));
    expect([...stored.keys()].sort()).toEqual(written.map((column) => column.name).sort());
    for (const { name: column, type, isNullable, isKey } of written) {
      const found = stored.get(column);
      expect([column, found?.isNullable, found?.isPrimary]).toEqual([column, isNullable, isKey]);
      expect([column, TYPES[type]]).toEqual([column, expect.arrayContaining([found?.type])]);
    }
  });
}

describeOn(['mysql', 'mariadb'], 'the migrated tables', (server) => suite(() => server.createDatabase()));
describe('the migrated tables (sqlite)', () => suite(async () => 'sqlite::memory:'));
