// The table is shipped as SQL too, for those who create tables by migrations of their own.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import SQLite from 'better-sqlite3';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { describeOn } from '../../support/servers.ts';
import { mysql2World, pgWorld } from './worlds-by-driver.ts';

const shipped = (dialect: string) =>
  readFileSync(new URL(`../../../sdk/sql/barrier.${dialect}.sql`, import.meta.url), 'utf8').replace(
    /;\n$/,
    '',
  );

describeOn(['mysql', 'mariadb', 'postgres'], 'the shipped SQL', (server) => {
  test('creates the table that createTable() creates', async () => {
    const open = server.name === 'postgres' ? pgWorld : mysql2World;
    const [byFile, byCall] = [
      await open(await server.createDatabase()),
      await open(await server.createDatabase()),
    ];
    await byFile.query(shipped(server.name === 'postgres' ? 'postgres' : 'mysql'));
    await byCall.barrier.createTable();
    const columns = `SELECT column_name, data_type, character_maximum_length, is_nullable, collation_name
      FROM information_schema.columns WHERE table_name = 'tercet_barrier'
      AND table_schema = ${server.name === 'postgres' ? 'current_schema()' : 'DATABASE()'} ORDER BY ordinal_position`;
    const created = await byFile.query(columns);
    expect(created).toHaveLength(11);
    expect(created).toEqual(await byCall.query(columns));
    for (const world of [byFile, byCall]) await world.close();
  });
});

describe('the shipped SQL (sqlite)', () => {
  test('creates the table that createTable() creates', async () => {
    const tableIn = (db: SQLite.Database) =>
      db.prepare("SELECT sql FROM sqlite_master WHERE name = 'tercet_barrier'").get();
    const [byFile, byCall] = [new SQLite(':memory:'), new SQLite(':memory:')];
    byFile.exec(shipped('sqlite'));
    await sqliteBarrier({ db: byCall }).createTable();
    expect(tableIn(byFile)).toEqual(tableIn(byCall));
  });
});
