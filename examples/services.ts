/**
 * An inventory and a payment service, for the examples that are about something else. Each is a participant
 * as in 02, on a database of its own. Whoever begins transactions knows no more of them than their
 * contracts.
 */
import { type Barrier, defineContract, defineParticipant, type Participant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite, { type Database } from 'better-sqlite3';
import { Type } from 'typebox';

const positive = Type.Integer({ minimum: 1 });

export const inventory = defineContract('inventory', {
  reserve: {
    payload: Type.Object({ item: Type.Literal('mug'), quantity: positive }),
    /** What they cost together. */
    result: Type.Object({ cents: positive }),
  },
});

export const payment = defineContract('payment', {
  hold: { payload: Type.Object({ account: Type.Enum(['ann', 'bob']), cents: positive }) },
});

export type Services = {
  readonly participants: readonly Participant[];
  /** What there is, what is set aside and what is gone, in one line. */
  readonly books: () => string;
};

const MUG_CENTS = 1250;

export async function openServices(): Promise<Services> {
  const stock = await openBook({ mug: 10 });
  const money = await openBook({ ann: 10_000, bob: 3000 });
  const inventoryService = defineParticipant(inventory, {
    barrier: stock.barrier,
    activities: {
      reserve: {
        try({ item, quantity }) {
          if (!stock.move(item, quantity, 'available', 'held'))
            throw new Refusal(`there are not ${quantity} ${item}s`);
          return { cents: quantity * MUG_CENTS };
        },
        confirm: ({ item, quantity }) => stock.move(item, quantity, 'held', 'gone'),
        cancel: ({ item, quantity }) => stock.move(item, quantity, 'held', 'available'),
      },
    },
  });
  const paymentService = defineParticipant(payment, {
    barrier: money.barrier,
    activities: {
      hold: {
        try({ account, cents }) {
          if (!money.move(account, cents, 'available', 'held'))
            throw new Refusal(`${account} has less than ${cents} cents`);
        },
        confirm: ({ account, cents }) => money.move(account, cents, 'held', 'gone'),
        cancel: ({ account, cents }) => money.move(account, cents, 'held', 'available'),
      },
    },
  });
  return {
    participants: [inventoryService, paymentService],
    books: () => [...stock.lines(), ...money.lines()].join('; '),
  };
}

type Column = 'available' | 'held' | 'gone';
type Row = { readonly name: string } & { readonly [Each in Column]: number };

type Book = {
  readonly barrier: Barrier<Database>;
  /** Answers false, and moves nothing, where there is too little. */
  readonly move: (name: string, amount: number, from: Column, to: Column) => boolean;
  readonly lines: () => string[];
};

async function openBook(opening: Readonly<Record<string, number>>): Promise<Book> {
  const db = new SQLite(':memory:');
  db.exec('CREATE TABLE book (name TEXT PRIMARY KEY, available INTEGER, held INTEGER, gone INTEGER)');
  const insert = db.prepare('INSERT INTO book VALUES (?, ?, 0, 0)');
  for (const [name, available] of Object.entries(opening)) insert.run(name, available);
  const rows = db.prepare<[], Row>('SELECT * FROM book ORDER BY rowid');
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  return {
    barrier,
    move(name, amount, from, to) {
      const sql = `UPDATE book SET ${from} = ${from} - @amount, ${to} = ${to} + @amount
        WHERE name = @name AND ${from} >= @amount`;
      return db.prepare(sql).run({ name, amount }).changes === 1;
    },
    lines: () =>
      rows
        .all()
        .map(({ name, available, held, gone }) => `${name} ${available} + ${held} held, ${gone} gone`),
  };
}
