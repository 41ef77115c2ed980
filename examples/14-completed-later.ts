/**
 * 14: completed later. An order above a limit needs a human, who answers hours later, or never. The participant accepts the try now,
 * keeps the call, and completes it when the human has decided.
 *
 *   node --conditions=tercet-source examples/14-completed-later.ts
 *
 * prints:
 *
 *   order-1 is trying: 1 request is open
 *   ann approves order-1: done, and posted
 *   order-1 confirmed
 *   ann approves order-1 again: repeated, and posted
 *   order-2 is trying: 1 request is open
 *   ann rejects order-2: done, and posted
 *   order-2 not confirmed: approve of office (branch “office-approve-1”) was refused: “over the budget of this month”.
 *   order-3 is trying: 1 request is open
 *   order-3 not confirmed: its deadline passed before it was decided
 *   ann approves order-3: cancelled
 *   posted by somebody without the URL: 401
 */
import {
  accepted,
  type AcceptedCall,
  branch,
  type Completion,
  defineContract,
  defineParticipant,
  NotCompleted,
  Tercet,
  TransactionCancelled,
} from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { inventory, openServices } from './services.ts';
import { withCoordinator } from './with-coordinator.ts';

const office = defineContract('office', {
  approve: { payload: Type.Object({ order: Type.String(), cents: Type.Integer() }) },
});

const db = new SQLite(':memory:');
db.exec('CREATE TABLE request (orderId TEXT PRIMARY KEY, state TEXT, call TEXT)');
const barrier = sqliteBarrier({ db });
await barrier.createTable();
const settle = (order: string, state: string) =>
  void db.prepare('UPDATE request SET state = ? WHERE orderId = ?').run(state, order);
const openCount = () => db.prepare("SELECT COUNT(*) FROM request WHERE state = 'open'").pluck().get();
/** The call as it was kept, with the URL that completes it: a secret of this one op. */
const callOf = (order: string) =>
  JSON.parse(
    db.prepare<[string], string>('SELECT call FROM request WHERE orderId = ?').pluck().get(order) ?? '',
  ) as AcceptedCall;

const participant = defineParticipant(office, {
  barrier,
  // Refusals are normal business; a service logs them.
  onNotDone: () => {},
  activities: {
    approve: {
      accepts: true,
      // The row and the record that the op was accepted are committed together. It is answered 202, and so is each poll.
      try({ order }, { call }) {
        db.prepare("INSERT INTO request VALUES (?, 'open', ?)").run(order, JSON.stringify(call));
        return accepted();
      },
      confirm: ({ order }) => settle(order, 'used'),
      cancel: ({ order }) => settle(order, 'withdrawn'),
    },
  },
});

// What the page of the office calls when somebody has pressed a button: in any process that has its database.
const approve = (order: string) => participant.complete(callOf(order), () => settle(order, 'approved'));
const reject = (order: string, reason: string) =>
  participant.refuse(callOf(order), () => {
    settle(order, 'rejected');
    return reason;
  });

/** Where the coordinator was not reached, its next poll is answered by the record. */
const posted = ({ outcome, notPosted }: Completion) => `${outcome}, ${notPosted ?? 'and posted'}`;

await withCoordinator(async ({ url, add }) => {
  await add(participant);
  const { participants } = await openServices();
  for (const one of participants) await add(one);
  const tercet = new Tercet({ urls: url, contracts: [inventory, office] });

  const order = (orderId: string, timeoutMs: number) => ({
    name: 'place-order',
    idempotencyKey: orderId,
    // As long as a human may take.
    timeoutMs,
    branches: [
      branch(inventory, 'reserve', { item: 'mug', quantity: 1 }),
      branch(office, 'approve', { order: orderId, cents: 90_000 }),
    ],
  });
  const begin = async (orderId: string, timeoutMs = 3_600_000) => {
    const { status } = await tercet.submit({ ...order(orderId, timeoutMs), waitMs: 0 });
    while (openCount() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(`${orderId} is ${status}: ${openCount()} request is open`);
  };
  const ended = async (orderId: string, timeoutMs = 3_600_000) => {
    try {
      const { status } = await tercet.submit(order(orderId, timeoutMs));
      console.log(`${orderId} ${status}`);
    } catch (error) {
      if (!(error instanceof TransactionCancelled)) throw error;
      console.log(`${orderId} not confirmed: ${error.reason}`);
    }
  };

  await begin('order-1');
  console.log(`ann approves order-1: ${posted(await approve('order-1'))}`);
  await ended('order-1');
  console.log(`ann approves order-1 again: ${posted(await approve('order-1'))}`);

  await begin('order-2');
  const rejected = await reject('order-2', 'over the budget of this month');
  console.log(`ann rejects order-2: ${posted(rejected)}`);
  await ended('order-2');

  await begin('order-3', 1000);
  await ended('order-3', 1000);
  while (openCount() !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const late = await approve('order-3').catch((error: unknown) => error);
  if (late instanceof NotCompleted) console.log(`ann approves order-3: ${late.code}`);

  const { completionUrl } = callOf('order-3');
  const [address] = completionUrl?.split('?') ?? [];
  const forged = await fetch(`${address}?signature=AAAA`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ op: 'try', reply: 'succeeded' }),
  });
  console.log(`posted by somebody without the URL: ${forged.status}`);
});
