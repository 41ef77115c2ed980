// What sdk/README.md shows of each library runs as it stands.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import SQLite from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import knex from 'knex';
import { callOf, type FullBarrier } from './barrier-world.ts';
import { prismaClient } from './prisma-worlds.ts';

// In this folder, so that the packages are found.
const folder = mkdtempSync(join(import.meta.dirname, '.readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Sample = {
  barrierOn(client: unknown): FullBarrier<unknown>;
  reserve(order: object, given: { sqlTx: unknown }): unknown;
};

async function sampleOf(name: string): Promise<Sample> {
  const page = readFileSync(new URL('../../../sdk/README.md', import.meta.url), 'utf8');
  const [, text] = new RegExp(`^\`\`\`js ${name}\\n(.*?)^\`\`\``, 'ms').exec(page) ?? [];
  if (text === undefined) throw new Error(`the page has no ${name}`);
  writeFileSync(join(folder, name), text);
  return import(join(folder, name));
}

const TABLE = 'CREATE TABLE item (name text PRIMARY KEY, available int NOT NULL)';
const MUGS = "INSERT INTO item VALUES ('mug', 3)";

/** What is there after three tries: one of them is repeated, and one refused. */
async function reserveTwice(name: string, client: unknown): Promise<void> {
  const { barrierOn, reserve } = await sampleOf(name);
  const barrier = barrierOn(client);
  await barrier.createTable();
  const order = (quantity: number) => (sqlTx: unknown) => reserve({ item: 'mug', quantity }, { sqlTx });
  const call = callOf('try');
  expect((await barrier.run(call, order(2))).outcome).toBe('done');
  expect((await barrier.run(call, order(2))).outcome).toBe('repeated');
  await expect(barrier.run(callOf('try'), order(2))).rejects.toThrow('there are not 2 of mug');
}

describe('an op by', () => {
  test('Knex', async () => {
    const opened = knex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true });
    await opened.raw(TABLE);
    await opened.raw(MUGS);
    await reserveTwice('with-knex.mjs', opened);
    expect(await opened('item').select()).toEqual([{ name: 'mug', available: 1 }]);
    await opened.destroy();
  });

  test('Drizzle', async () => {
    const client = new SQLite(':memory:');
    client.exec(`${TABLE};${MUGS}`);
    await reserveTwice('with-drizzle.mjs', drizzle({ client }));
    expect(client.prepare('SELECT * FROM item').all()).toEqual([{ name: 'mug', available: 1 }]);
    client.close();
  });

  test('Prisma', async () => {
    const prisma = prismaClient('sqlite', new PrismaBetterSqlite3({ url: ':memory:' }));
    await prisma.$executeRawUnsafe(TABLE);
    await prisma.$executeRawUnsafe(MUGS);
    await reserveTwice('with-prisma.mjs', prisma);
    expect(await prisma.$queryRawUnsafe('SELECT * FROM item')).toEqual([{ name: 'mug', available: 1 }]);
    await prisma.$disconnect();
  });
});
