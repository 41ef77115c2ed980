/** Migrations that die half-way, meet a table of another application, or a server that cannot be written to. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import type { DataSource, EntityManager } from 'typeorm';
import { createDatabase } from '../../../scripts/servers/database.ts';
import {
  migrate,
  openConnection,
  openDataSource,
  schemaFault,
} from '../../../src/adapters/sql/data-source.ts';
import { describeOn, describeOwn } from '../../support/servers.ts';

describeOn(['mysql', 'mariadb'], 'migrations', (server) => {
  test('that die after any of their statements run again, to the same schema', async () => {
    const [url, otherUrl] = [await server.createDatabase(), await server.createDatabase()];
    const other = await openDataSource(otherUrl);
    await migrate(other);
    let isDone = false;
    for (let statementCount = 1; !isDone; statementCount += 1) {
      const dataSource = await openDataSource(url);
      dieAfter(dataSource, statementCount);
      isDone = await migrate(dataSource).then(
        () => true,
        (error: Error) => {
          expect(error.message).toMatch(/died/);
          return false;
        },
      );
      await dataSource.destroy();
    }
    const dataSource = await openDataSource(url);
    expect(await migrate(dataSource)).toEqual([]);
    expect(await schemaFault(dataSource)).toBeNull();
    expect(await schemaOf(dataSource)).toEqual(await schemaOf(other));
    expect(await dataSource.query('SELECT id FROM guard')).toEqual([{ id: 1 }]);
    await dataSource.destroy();
    await other.destroy();
  });

  test('next to an application’s own list of migrations stop, and make nothing', async () => {
    const dataSource = await openDataSource(await server.createDatabase());
    await dataSource.query('CREATE TABLE migration (id INT PRIMARY KEY, timestamp BIGINT, name VARCHAR(99))');
    await dataSource.query("INSERT INTO migration VALUES (1, 1700000000000, 'Towns1700000000000')");
    await expect(migrate(dataSource)).rejects.toThrow(/the table migration .* is not tercet's: it lists/);
    expect(await dataSource.query('SHOW TABLES')).toHaveLength(1);
    await dataSource.destroy();
  });

  test('next to an application’s own table of a name of ours stop, and name it', async () => {
    for (const name of ['branch', 'journal', 'replica', 'database_id', 'migration']) {
      const dataSource = await openDataSource(await server.createDatabase());
      await dataSource.query(`CREATE TABLE ${name} (id INT PRIMARY KEY, town VARCHAR(20))`);
      await expect(migrate(dataSource)).rejects.toThrow(
        new RegExp(`the table ${name} of this database is not tercet's.*TERCET_TABLE_PREFIX`),
      );
      await dataSource.destroy();
    }
  });
});

for (const name of ['mysql', 'mariadb'] as const)
  await describeOwn(name, 'a server that logs statements', (start) => {
    test('is refused at the start, with the variable to set', async () => {
      const server = await start({
        flags: ['--log-bin=binlog', '--server-id=1', '--binlog-format=STATEMENT'],
      });
      await expect(openDataSource(await createDatabase(server))).rejects.toThrow(
        /binlog_format=STATEMENT.*set binlog_format to ROW/,
      );
      await server.stop();
    });
  });

test('a database at an IPv6 address is reached', async () => {
  const listener = createServer((socket) => socket.destroy());
  listener.listen(0, '::1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const reached = once(listener, 'connection');
  await expect(openConnection(`mysql://root@[::1]:${port}/tercet`, {})).rejects.toThrow();
  await reached;
  listener.close();
});

/** As a process that is killed: the statement is done, and its record is not. */
function dieAfter(dataSource: DataSource, statementCount: number): void {
  const create = dataSource.createQueryRunner;
  let count = 0;
  dataSource.createQueryRunner = (mode) => {
    const runner = create.call(dataSource, mode);
    const query = runner.query.bind(runner) as EntityManager['query'];
    runner.query = (async (sql: string, ...rest: []) => {
      if (count > statementCount && !/RELEASE_LOCK|^SET|^ROLLBACK/.test(sql)) throw new Error('died');
      const answer = await query(sql, ...rest);
      if (/^\s*(?:CREATE|ALTER|INSERT)/.test(sql)) count += 1;
      if (count === statementCount + 1) throw new Error('died');
      return answer;
    }) as typeof runner.query;
    return runner;
  };
}

const schemaOf = (dataSource: DataSource): Promise<unknown> =>
  Promise.all([
    dataSource.query(
      `SELECT table_name AS t, column_name AS c, column_type AS y, is_nullable AS n, collation_name AS o
       FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1, ordinal_position`,
    ),
    dataSource.query(
      `SELECT table_name AS t, index_name AS i, column_name AS c, seq_in_index AS s
       FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1, 2, 4`,
    ),
  ]);
