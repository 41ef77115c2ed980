/**
 * A server whose defaults are all other than ours: what is written is durable, exact and read back, since every connection
 * sets what it relies on. The user is an ordinary one, who may set only what everyone may.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Connection } from 'mysql2/promise';
import type { RunningServer } from '../../../scripts/servers/run.ts';
import { migrate, openConnection, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../../src/adapters/sql/open-store.ts';
import { allReplied, newTransaction, cancelRequested, newGid, saveOf } from '../../support/saves.ts';
import { describeOn, describeOwn, type StartOwn } from '../../support/servers.ts';
import { saying, startTcpProxy } from '../../support/tcp-proxy.ts';

/** What the servers are started with; a MariaDB may also ignore which character set a client asks for. */
const FLAGS = ['--character-set-server=latin1', '--collation-server=latin1_swedish_ci'];
const FLAGS_OF_ONE = { mysql: [], mariadb: ['--skip-character-set-client-handshake'] };

/** What new connections begin with. Those that exclude each other are in different lists. */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  'commits nothing by itself': ['autocommit = 0'],
  'has everything else other, too': [
    ...['autocommit = 0', 'completion_type = 1', "sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'"],
    ...["time_zone = '+05:30'", 'innodb_lock_wait_timeout = 50', 'sql_select_limit = 0'],
    ...['sql_safe_updates = 1', 'sql_auto_is_null = 1', 'foreign_key_checks = 0', 'unique_checks = 0'],
    ...['sql_big_selects = 0', 'max_join_size = 1', "default_storage_engine = 'MyISAM'"],
    'TRANSACTION ISOLATION LEVEL SERIALIZABLE',
  ],
  'only reads, and closes a connection that commits': [
    ...['completion_type = 2', "sql_mode = ''", 'TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY'],
  ],
};
const OF_ONE: Readonly<Record<string, readonly string[]>> = {
  mysql: ['max_execution_time = 1'],
  mariadb: [
    "sql_mode = 'ORACLE,EMPTY_STRING_IS_NULL'",
    'max_statement_time = 0.000001',
    'check_constraint_checks = 0',
  ],
};

/** What every connection must have, by the server itself. */
const WANTED = {
  autocommit: 1,
  completion_type: 'NO_CHAIN',
  time_zone: '+00:00',
  innodb_lock_wait_timeout: 2,
  lock_wait_timeout: 4,
  sql_mode: 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
  sql_safe_updates: 0,
  sql_auto_is_null: 0,
  foreign_key_checks: 1,
  unique_checks: 1,
  sql_big_selects: 1,
  character_set_client: 'utf8mb4',
  character_set_connection: 'utf8mb4',
  character_set_results: 'utf8mb4',
  collation_connection: 'utf8mb4_general_ci',
  default_storage_engine: 'InnoDB',
};

for (const name of ['mysql', 'mariadb'] as const)
  await describeOwn(name, 'a server with other defaults', (start: StartOwn) => {
    let server: RunningServer;
    let url: string;
    let root: Connection;

    beforeAll(async () => {
      server = await start({ flags: [...FLAGS, ...FLAGS_OF_ONE[name]] });
      root = await openConnection(`${server.url}/mysql`, {});
      await root.query("CREATE USER plain@'%' IDENTIFIED BY 'secret'");
    });
    afterAll(async () => {
      await root.end();
      await server.stop();
    });

    describe.each(
      Object.entries({ ...WRONG, [`has its own (${name})`]: OF_ONE[name] ?? [] }),
    )('that %s', (_title, wrong) => {
      let stores: SqlStore[] = [];

      beforeAll(async () => {
        const database = `d${newGid().replaceAll('-', '')}`;
        await root.query(`CREATE DATABASE ${database}`);
        await root.query(`GRANT ALL ON ${database}.* TO plain@'%'`);
        url = `${server.url.replace('root@', 'plain:secret@')}/${database}`;
        for (const setting of wrong) await root.query(`SET GLOBAL ${setting}`);
      });
      afterAll(async () => {
        for (const store of stores) await store.close();
        stores = [];
        for (const setting of wrong) {
          const [variable = ''] = setting.split(' ');
          if (variable !== 'TRANSACTION') await root.query(`SET GLOBAL ${variable} = DEFAULT`);
        }
        await root.query('SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE');
      });

      async function open(): Promise<SqlStore> {
        const store = await openStore(url, 60_000);
        stores.push(store);
        return store;
      }

      test('everything is set on every connection, of the pool and outside it', async () => {
        const columns = Object.keys(WANTED).map((variable) => `@@session.${variable} AS ${variable}`);
        const asked = `SELECT ${columns.join(', ')}`;
        const outside = await openConnection(url, {});
        const [[single]] = (await outside.query(asked)) as unknown as [[object]];
        const [limits] = (await outside.query(
          'SELECT CAST(@@session.sql_select_limit AS CHAR) AS n',
        )) as unknown as [[object]];
        await outside.end();
        const dataSource = await openDataSource(url);
        const pooled = await Promise.all(Array.from({ length: 3 }, () => dataSource.query(asked)));
        await dataSource.destroy();
        for (const row of [single, ...pooled.flat()]) expect(sorted(row)).toEqual(sorted(WANTED));
        expect(limits).toEqual([{ n: '18446744073709551615' }]);
      });

      test('a schema is made, and what is registered and saved is there for others', async () => {
        const dataSource = await openDataSource(url);
        expect((await migrate(dataSource)).length).toBeGreaterThan(0);
        await dataSource.destroy();
        const [one, other] = [await open(), await open()];
        const participant = {
          name: 'inventory',
          baseUrls: ['http://lager.test/größe'],
          paths: {},
          callTimeoutMs: null,
        };
        expect(await one.registry.put(participant)).toEqual({ isNew: true });
        expect(await other.registry.find('inventory')).toMatchObject(participant);

        const first = newTransaction(newGid());
        expect(await one.writer.writeBatch([saveOf(null, first)])).toEqual({ outcome: 'written' });
        const decided = cancelRequested(first);
        const second = saveOf({ tx: first, seq: 1 }, decided);
        expect(await one.writer.writeBatch([second])).toEqual({ outcome: 'written' });
        const ended = saveOf({ tx: decided, seq: 2 }, allReplied(decided, 'succeeded'));
        expect(await one.writer.writeBatch([ended])).toEqual({ outcome: 'written' });
        expect(await other.store.load(first.gid)).toMatchObject({ tx: ended.after, seq: 3 });
        expect(await other.store.journalOf(first.gid)).toHaveLength(3);
        expect(await other.store.removeFinished(Date.UTC(2100, 0, 1), 10)).toBe(1);
        expect(await one.store.load(first.gid)).toBeNull();
      });
    });
  });

describeOn(['mysql', 'mariadb'], 'a connection of the pool', (server) => {
  test('that breaks before it is set fails what was asked of it, and nothing else', async () => {
    const url = new URL(await server.createDatabase());
    const proxy = await startTcpProxy({ targetPort: Number(url.port) });
    url.port = String(proxy.port);
    const dataSource = await openDataSource(url.href);
    const busy = dataSource.createQueryRunner();
    await busy.connect();
    proxy.set({ when: saying('SET NAMES'), do: 'cut-before' });
    await expect(dataSource.query('SELECT 1')).rejects.toThrow();
    expect(await dataSource.query('SELECT 1 AS one')).toMatchObject([{ one: expect.anything() }]);
    await busy.release();
    await dataSource.destroy();
    await proxy.close();
  });

  test('that is not set in time is given up, and what was asked of it fails', async () => {
    const url = new URL(await server.createDatabase());
    const proxy = await startTcpProxy({ targetPort: Number(url.port) });
    url.port = String(proxy.port);
    const dataSource = await openDataSource(url.href);
    const busy = dataSource.createQueryRunner();
    await busy.connect();
    const held = proxy.set({ when: saying('SET NAMES'), do: 'hold' });
    // Not by `ask`, which has a limit of its own.
    await expect(dataSource.query('SELECT 1')).rejects.toThrow();
    held.release();
    expect(await dataSource.query('SELECT 1 AS one')).toMatchObject([{ one: expect.anything() }]);
    await busy.release();
    await dataSource.destroy();
    await proxy.close();
  });

  test('that the server does not set as it is asked to writes nothing', async () => {
    const url = await server.createDatabase();
    const dataSource = await openDataSource(url);
    await dataSource.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await dataSource.destroy();
    const proxied = new URL(url);
    const proxy = await startTcpProxy({ targetPort: Number(proxied.port) });
    proxied.port = String(proxy.port);
    const through = await openDataSource(proxied.href);
    const busy = through.createQueryRunner();
    await busy.connect();
    // The reply to the second statement is an error, by a text that the server cannot read.
    proxy.onBytes((chunk, direction) => {
      const at = direction === 'to-server' ? chunk.indexOf('SET SESSION TRANSACTION') : -1;
      if (at >= 0) chunk.write('SAT', at);
    });
    await expect(through.query('INSERT INTO t VALUES (1)')).rejects.toThrow();
    expect(await busy.query('SELECT * FROM t')).toEqual([]);
    await busy.release();
    await through.destroy();
    await proxy.close();
  });
});

/** The words of sql_mode come in the server's own order, and numbers as numbers or texts. */
const sorted = (row: object): object =>
  Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, String(value).split(',').sort().join()]),
  );
