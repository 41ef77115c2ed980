// A pool of pg may ask for rows in the binary format, whose parser of bigint is wrong for large values.
import { expect, test } from '@jest/globals';
import { pgBarrier } from '@tercet/sdk/barrier/pg';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { describeOn } from '../../support/servers.ts';
import { callOf, freshGid } from './barrier-world.ts';

const HOUR_MS = 3_600_000;

/** Known to pg, and not to its types. */
const BINARY: object = { binary: true };

type Binary = {
  readonly barrier: ReturnType<typeof pgBarrier> | ReturnType<typeof typeormBarrier>;
  close(): Promise<void>;
};

async function binaryPg(url: string): Promise<Binary> {
  const pool = new Pool({ connectionString: url, ...BINARY });
  return { barrier: pgBarrier({ pool }), close: () => pool.end() };
}

async function binaryTypeorm(url: string): Promise<Binary> {
  const dataSource = await new DataSource({ type: 'postgres', url, extra: BINARY }).initialize();
  return { barrier: typeormBarrier({ dataSource }), close: () => dataSource.destroy() };
}

describeOn(['postgres'], 'a pool whose rows are binary', (server) => {
  test.each([
    ['pg', binaryPg],
    ['TypeORM', binaryTypeorm],
  ])('is read as any other, by %s', async (_driver, open) => {
    const { barrier, close } = await open(await server.createDatabase());
    await barrier.createTable();
    const gid = freshGid();
    expect(await barrier.run(callOf('try', { gid }), () => ({ id: 'r1' }))).toMatchObject({
      outcome: 'done',
    });
    const confirmed = barrier.run(callOf('confirm', { gid }), (_sqlTx: unknown, { tryResult }) => tryResult);
    expect(await confirmed).toEqual({ outcome: 'done', result: { id: 'r1' } });
    const pivot = callOf('action');
    expect(await barrier.run(pivot, () => 'paid', { isPivot: true })).toMatchObject({ outcome: 'done' });
    const late = callOf('try', { deadlineAt: Date.now() - HOUR_MS });
    await expect(barrier.run(late, () => 1)).rejects.toMatchObject({ code: 'deadline_passed' });
    await close();
  });

  test('shows how long work outside is under way, and keeps the latest deadline', async () => {
    const url = await server.createDatabase();
    const { barrier, close } = await binaryPg(url);
    await barrier.createTable();
    const call = callOf('action');
    const during = barrier.outside(call, async () => {
      const meanwhile = barrier.outside(call, async () => 'twice');
      await expect(meanwhile).rejects.toMatchObject({ name: 'InProgress' });
      return 'once';
    });
    expect(await during).toEqual({ outcome: 'done', result: 'once' });
    const later = { ...call, deadlineAt: call.deadlineAt + HOUR_MS };
    expect(await barrier.outside(later, async () => 'twice')).toEqual({
      outcome: 'repeated',
      result: 'once',
    });
    const pool = new Pool({ connectionString: url });
    const { rows } = await pool.query('SELECT deadline_at FROM tercet_barrier');
    expect(rows).toEqual([{ deadline_at: String(later.deadlineAt) }]);
    await pool.end();
    await close();
  });

  test('is cleaned up', async () => {
    const { barrier, close } = await binaryPg(await server.createDatabase());
    await barrier.createTable();
    await barrier.run(callOf('cancel', { deadlineAt: Date.now() - 2 * HOUR_MS }), () => 1);
    const now = new Date().toISOString();
    const longAgo = new Date(Date.now() - 2 * HOUR_MS).toISOString();
    const coordinator = {
      finality: async (gids: readonly string[]) => ({
        now,
        retentionMs: 24 * HOUR_MS,
        transactions: gids.map((gid) => ({ gid, isFinal: true, finishedAt: longAgo, deadlineAt: longAgo })),
      }),
    };
    const report = await barrier.cleanUp({ coordinator, retentionMs: HOUR_MS });
    expect(report).toEqual({ removedCount: 1, keptCount: 0, absentCount: 0 });
    await close();
  });
});
