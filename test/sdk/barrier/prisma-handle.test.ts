// What the barrier does with a `tx` of Prisma, by a client made by hand: models, relations, templates and nested transactions.
import { expect, test } from '@jest/globals';
import { prismaBarrier } from '@tercet/sdk/barrier/prisma';
import { prismaHandle } from '../../../sdk/src/barrier/prisma-handle.ts';
import { StatementGate } from '../../../sdk/src/barrier/statement-gate.ts';

type Query = Promise<string> & { orders(): Query };

/** As that of Prisma: it is sent when it is awaited, and a relation is sent in its place. */
function queryOf(sent: string[], what: string): Query {
  const answer = () => {
    sent.push(what);
    return Promise.resolve(what);
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: so are the promises of Prisma.
    then: (...args: Parameters<Promise<string>['then']>) => answer().then(...args),
    catch: (...args: Parameters<Promise<string>['catch']>) => answer().catch(...args),
    finally: (...args: Parameters<Promise<string>['finally']>) => answer().finally(...args),
    orders: () => queryOf(sent, `${what}.orders`),
    [Symbol.toStringTag]: 'PrismaPromise',
  } as Query;
}

function txOf(sent: string[], depth = 0) {
  const tx = {
    account: { findUnique: () => queryOf(sent, `${depth} findUnique`), name: 'Account' },
    $queryRawUnsafe: (sql: string) => queryOf(sent, sql),
    $executeRawUnsafe: (sql: string) => queryOf(sent, sql) as unknown as Promise<number>,
    $executeRaw: (strings: readonly string[]) => queryOf(sent, strings.join('?')),
    $disconnect: async () => void sent.push('disconnect'),
    $transaction: async (act: (inner: object) => unknown): Promise<unknown> => act(txOf(sent, depth + 1)),
  };
  return tx;
}

type Tx = ReturnType<typeof txOf>;

function open() {
  const sent: string[] = [];
  const gate = new StatementGate(null);
  return { sent, gate, ...prismaHandle(txOf(sent), 'postgres', gate) };
}

test('a query of a model is sent once, when it is awaited first', async () => {
  const { sent, handle } = open();
  const found = handle.account.findUnique();
  expect(sent).toEqual([]);
  expect(await Promise.all([found, found.then((text) => text)])).toEqual(['0 findUnique', '0 findUnique']);
  expect([sent, handle.account.name]).toEqual([['0 findUnique'], 'Account']);
});

test('a relation of a record is sent in its place', async () => {
  const { sent, handle, unsent } = open();
  expect(await handle.account.findUnique().orders()).toBe('0 findUnique.orders');
  expect([sent, unsent.size]).toEqual([['0 findUnique.orders'], 0]);
});

test('a query that is never awaited is known', () => {
  const { handle, unsent } = open();
  void handle.account.findUnique();
  expect(unsent.size).toBe(1);
});

test.each([
  ['a text', (tx: Tx) => tx.$executeRawUnsafe('COMMIT')],
  ['a template', (tx: Tx) => tx.$executeRaw`COMMIT`],
  ['a Prisma.sql', (tx: Tx) => tx.$executeRaw({ sql: 'COMMIT', join: () => 'COMMIT' } as never)],
])('%s that ends the SQL transaction is rejected', async (_what, ask) => {
  const { sent, handle } = open();
  await expect(ask(handle)).rejects.toThrow('the work may not call COMMIT');
  expect(sent).toEqual([]);
});

test('a nested transaction passes the same gate, and is closed with it', async () => {
  const { sent, handle, gate } = open();
  let late: Tx | null = null;
  await handle.$transaction(async (inner) => {
    late = inner as Tx;
    await late.account.findUnique();
    await expect(late.$executeRawUnsafe('ROLLBACK')).rejects.toThrow('the work may not call ROLLBACK');
  });
  await gate.close();
  await expect((late as unknown as Tx).account.findUnique()).rejects.toThrow('the op has ended');
  await expect(handle.$transaction(async () => {})).rejects.toThrow('the op has ended');
  expect(sent).toEqual(['1 findUnique']);
});

test('what ends the connection, and a list of queries, are refused', async () => {
  const { sent, handle } = open();
  expect(() => handle.$disconnect()).toThrow('the work may not call $disconnect');
  await expect(handle.$transaction([] as never)).rejects.toThrow('with a list');
  expect(sent).toEqual([]);
});

test('another provider is refused', () => {
  const given = { prisma: {} as never, provider: 'mongodb' as never };
  expect(() => prismaBarrier(given)).toThrow('mysql, postgresql, sqlite, and not mongodb');
});
