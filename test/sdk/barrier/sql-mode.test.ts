// A participant's server may run with any sql_mode: no value of the barrier depends on it.
import { expect, test } from '@jest/globals';
import { Refusal } from '@tercet/sdk';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import { createPool, type PoolOptions } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { createDatabase } from '../../../scripts/servers/database.ts';
import { describeOn, describeOwn, type StartOwn } from '../../support/servers.ts';
import { barrierContract } from './barrier-contract.ts';
import { type BarrierWorld, callOf, freshGid, type FullBarrier } from './barrier-world.ts';
import { mysql2World, typeormWorld } from './worlds-by-driver.ts';

const FLAGS = ['--sql-mode=STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES,ANSI_QUOTES'];

const hex = (text: string) => `0x${Buffer.from(text).toString('hex')}`;

/** Where a backslash escapes nothing, `\"` in a JSON text does not keep the quote behind it from ending the literal. */
const craftedFor = (gid: string) =>
  `', phase = ${hex('confirmed')}, result = ${hex('"stolen"')} WHERE gid = ${hex(gid)} -- `;

const drivers = [
  ['mysql2', mysql2World],
  ['TypeORM', typeormWorld],
] as const;

function suite(start: StartOwn): void {
  for (const [driver, open] of drivers) {
    barrierContract(async () => {
      const server = await start({ flags: FLAGS });
      const world = (await open(await createDatabase(server))) as BarrierWorld;
      return {
        ...world,
        close: async () => {
          await world.close();
          await server.stop();
        },
      };
    });

    test(`a crafted result changes no other branch, and is read back as it was (${driver})`, async () => {
      const server = await start({ flags: FLAGS });
      const world = (await open(await createDatabase(server))) as BarrierWorld;
      await world.barrier.createTable();
      const [victim, attacker] = [freshGid(), freshGid()];
      await world.barrier.run(callOf('try', { gid: victim }), () => 'held');
      const crafted = craftedFor(victim);
      await world.barrier.run(callOf('try', { gid: attacker }), () => crafted).catch(() => {});
      const rows = await world.query(
        `SELECT phase, try_result, result FROM tercet_barrier WHERE gid = '${victim}'`,
      );
      expect(rows).toEqual([{ phase: 'tried', try_result: '"held"', result: null }]);
      const known = world.barrier.run(
        callOf('confirm', { gid: attacker }),
        (_sqlTx, { tryResult }) => tryResult,
      );
      expect((await known).result).toBe(crafted);
      await world.close();
      await server.stop();
    });
  }
}

await describeOwn('mysql', 'a server with NO_BACKSLASH_ESCAPES', suite);
await describeOwn('mariadb', 'a server with NO_BACKSLASH_ESCAPES', suite);

describeOn(['mysql', 'mariadb'], 'a pool that formats values its own way', (server) => {
  const pools: readonly PoolOptions[] = [
    { namedPlaceholders: true },
    { stringifyObjects: true },
    { multipleStatements: true },
    { dateStrings: true },
    { supportBigNumbers: true, bigNumberStrings: true },
    { queryFormat: (sql: string) => sql.replaceAll('?', 'NULL') },
    ...['GBK_CHINESE_CI', 'SJIS_JAPANESE_CI', 'CP932_JAPANESE_CI', 'BIG5_CHINESE_CI', 'UJIS_JAPANESE_CI'].map(
      (charset) => ({ charset }),
    ),
  ];
  test.each(pools)('changes no value of the barrier (%j)', async (options) => {
    const pool = createPool({ uri: await server.createDatabase(), ...options });
    const barrier = mysql2Barrier({ pool });
    await barrier.createTable();
    const [call, pivot] = [callOf('try'), callOf('action')];
    const result = { text: `'"\\\n\0 :name ? 縗' 🙂` };
    await barrier.run(call, () => result);
    expect(await barrier.run(call, () => null)).toEqual({ outcome: 'repeated', result });
    const no = new Refusal(result.text);
    const isPivot = true;
    await expect(barrier.run(pivot, () => no, { isPivot })).rejects.toBe(no);
    await expect(barrier.run(pivot, () => 1, { isPivot })).rejects.toMatchObject({ message: no.message });
    await pool.end();
  });

  const left = [
    'SET NAMES sjis',
    'SET NAMES cp932',
    'SET NAMES gbk',
    'SET character_set_results = sjis',
    'SET character_set_connection = utf16',
  ];
  test.each(left)('reads results as they were kept on a session left at: %s', async (set) => {
    const url = await server.createDatabase();
    const pool = createPool({ uri: url, connectionLimit: 1 });
    const dataSource = new DataSource({ type: 'mysql', url, extra: { connectionLimit: 1 } });
    await dataSource.initialize();
    const result = { to: '中', path: 'C:\\x', tilde: '~\u00a5' };
    const barriers: readonly FullBarrier<unknown>[] = [
      mysql2Barrier({ pool }),
      typeormBarrier({ dataSource }),
    ];
    await barriers[0]?.createTable();
    await pool.query(set);
    await dataSource.query(set);
    for (const barrier of barriers) {
      const call = callOf('try');
      await barrier.run(call, () => result);
      expect(await barrier.run(call, () => null)).toEqual({ outcome: 'repeated', result });
      const confirm = { ...call, op: 'confirm' as const };
      const confirmed = await barrier.run(confirm, (_sqlTx, { tryResult }) => tryResult);
      expect(confirmed.result).toEqual(result);
    }
    await pool.end();
    await dataSource.destroy();
  });
});
