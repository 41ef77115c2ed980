// A connection that finds the barrier's table in another schema than before: in that one there is no record of the call.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { pgBarrier } from '@tercet/sdk/barrier/pg';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import { createPool } from 'mysql2/promise';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { describeOn, type SharedServer } from '../../support/servers.ts';
import { callOf, type FullBarrier } from './barrier-world.ts';

type World = {
  readonly barrier: FullBarrier<unknown>;
  /** The same connection, each time. */
  query(sql: string): Promise<unknown>;
  /** A barrier whose table is named with its schema. */
  barrierIn(schema: string): FullBarrier<unknown>;
  close(): Promise<void>;
};

const DRIVERS = {
  mysql2(url: string): World {
    const pool = createPool({ uri: url, connectionLimit: 1 });
    return {
      barrier: mysql2Barrier({ pool }),
      query: (sql) => pool.query(sql),
      barrierIn: (schema) => mysql2Barrier({ pool, table: `${schema}.tercet_barrier` }),
      close: () => pool.end(),
    };
  },
  pg(url: string): World {
    const pool = new Pool({ connectionString: url, max: 1 });
    return {
      barrier: pgBarrier({ pool }),
      query: (sql) => pool.query(sql),
      barrierIn: (schema) => pgBarrier({ pool, table: `${schema}.tercet_barrier` }),
      close: () => pool.end(),
    };
  },
  async typeorm(url: string): Promise<World> {
    const isPostgres = new URL(url).protocol === 'postgres:';
    const dataSource = new DataSource({
      type: isPostgres ? 'postgres' : 'mysql',
      url,
      extra: isPostgres ? { max: 1 } : { connectionLimit: 1 },
    });
    await dataSource.initialize();
    return {
      barrier: typeormBarrier({ dataSource }),
      query: (sql) => dataSource.query(sql),
      barrierIn: (schema) => typeormBarrier({ dataSource, table: `${schema}.tercet_barrier` }),
      close: () => dataSource.destroy(),
    };
  },
} as const;

function movingConnection(server: SharedServer, driver: keyof typeof DRIVERS): void {
  let world: World;
  /** Two schemas, each with a table of the barrier; and how a connection moves to one of them. */
  let schemas: readonly [string, string];
  const moveTo = (schema: string) =>
    world.query(server.name === 'postgres' ? `SET search_path TO ${schema}` : `USE ${schema}`);

  beforeAll(async () => {
    const urls = [await server.createDatabase(), await server.createDatabase()];
    world = await DRIVERS[driver](urls[0] as string);
    if (server.name === 'postgres') {
      schemas = ['one', 'two'];
      for (const schema of schemas) await world.query(`CREATE SCHEMA ${schema}`);
    } else schemas = urls.map((url) => new URL(url).pathname.slice(1)) as [string, string];
    for (const schema of schemas) {
      await moveTo(schema);
      await world.barrier.createTable();
    }
    await moveTo(schemas[0]);
  });
  afterAll(() => world.close());

  test(`${driver}: is refused, and the call is done once`, async () => {
    let workCount = 0;
    const call = callOf('try');
    const run = () =>
      world.barrier.run(call, () => {
        workCount += 1;
      });
    expect((await run()).outcome).toBe('done');
    await moveTo(schemas[1]);
    await expect(run()).rejects.toThrow('finds the table of the barrier in another schema than before');
    const cancel = world.barrier.run({ ...call, op: 'cancel' }, () => {});
    await expect(cancel).rejects.toThrow('name the table with its schema');
    await moveTo(schemas[0]);
    expect(await run()).toMatchObject({ outcome: 'repeated' });
    expect(workCount).toBe(1);
  });

  test(`${driver}: changes nothing for a table that is named with its schema`, async () => {
    const barrier = world.barrierIn(schemas[0]);
    const call = callOf('try');
    await barrier.run(call, () => {});
    await moveTo(schemas[1]);
    expect(await barrier.run(call, () => {})).toMatchObject({ outcome: 'repeated' });
    await moveTo(schemas[0]);
  });
}

describeOn(['mysql', 'mariadb'], 'a connection that has moved to another schema', (server) => {
  movingConnection(server, 'mysql2');
});
describeOn(['postgres'], 'a connection that has moved to another schema', (server) => {
  movingConnection(server, 'pg');
});
describeOn(['mysql', 'mariadb', 'postgres'], 'a connection that has moved to another schema', (server) => {
  movingConnection(server, 'typeorm');
});
