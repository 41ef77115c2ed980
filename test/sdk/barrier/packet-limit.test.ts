// MariaDB answers NULL for a value that max_allowed_packet has no room for: no kept result may be taken for none.
import { expect, test } from '@jest/globals';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import { createPool } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { createDatabase } from '../../../scripts/servers/database.ts';
import { describeOwn, type StartOwn } from '../../support/servers.ts';
import { callOf, type FullBarrier } from './barrier-world.ts';

const LIMIT = 65_536;
/** Fits into a packet as text, and not as hex digits. */
const LONG = { seats: 'a'.repeat(40_000) };

function suite(start: StartOwn): void {
  test('a result that is longer than max_allowed_packet permits is refused to every op, and stays as it is', async () => {
    const server = await start({});
    const url = await createDatabase(server);
    const admin = createPool({ uri: url });
    const before = mysql2Barrier({ pool: admin });
    await before.createTable();
    const [tried, confirmed, done] = [callOf('try'), callOf('try'), callOf('action')];
    await before.run(tried, () => LONG);
    await before.run(confirmed, () => 'short');
    await before.run({ ...confirmed, op: 'confirm' }, () => LONG);
    await before.run(done, () => LONG);
    const rows = async () => (await admin.query('SELECT * FROM tercet_barrier ORDER BY gid'))[0];
    const kept = await rows();

    await admin.query(`SET GLOBAL max_allowed_packet = ${LIMIT}`);
    const pool = createPool({ uri: url });
    const dataSource = await new DataSource({ type: 'mysql', url }).initialize();
    const barriers: readonly FullBarrier<unknown>[] = [
      mysql2Barrier({ pool }),
      typeormBarrier({ dataSource }),
    ];
    const calls = [
      ...[tried, { ...tried, op: 'confirm' as const }, { ...tried, op: 'cancel' as const }],
      ...[confirmed, { ...confirmed, op: 'confirm' as const }, { ...tried, deadlineAt: Date.now() * 2 }],
      ...[done, { ...done, op: 'compensate' as const }],
    ];
    let workCount = 0;
    const work = () => {
      workCount += 1;
    };
    for (const barrier of barriers)
      for (const call of calls) {
        await expect(barrier.run(call, work)).rejects.toThrow('max_allowed_packet');
        await expect(barrier.outside(call, async () => work())).rejects.toThrow('max_allowed_packet');
      }
    expect(workCount).toBe(0);
    expect(await rows()).toEqual(kept);
    await dataSource.destroy();
    await pool.end();

    expect(await before.run(tried, () => null)).toEqual({ outcome: 'repeated', result: LONG });
    await admin.end();
    await server.stop();
  });
}

await describeOwn('mariadb', 'a lowered max_allowed_packet', suite);
