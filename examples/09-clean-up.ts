/**
 * 09: cleaning up. The barrier keeps a row for each branch for as long as another call of it may come. Only
 * the coordinator knows how long that is, so it is asked before a row goes.
 *
 *   node --conditions=tercet-source examples/09-clean-up.ts
 *
 * prints:
 *
 *   rows: 3
 *   today: 0 removed, 0 kept, 0 unknown to the coordinator
 *   in eight days: 1 removed, 1 kept, 1 unknown to the coordinator
 *   rows: 2
 *   once order-2 has ended: confirmed
 *   in eight days: 1 removed, 0 kept, 1 unknown to the coordinator
 *   rows: 1
 *   with a longer time: retentionMs is …, and the coordinator forgets transactions after …
 */
import { branch, type CleanUpOptions, defineContract, defineParticipant, Tercet } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { GID } from './call.ts';
import { withCoordinator } from './with-coordinator.ts';

const DAY_MS = 86_400_000;
const inventory = defineContract('inventory', { reserve: { payload: Type.Object({}) } });
const payment = defineContract('payment', { hold: { payload: Type.Object({}) } });

const db = new SQLite(':memory:');
const barrier = sqliteBarrier({ db });
await barrier.createTable();
const nothing = () => null;
const activities = { reserve: { try: nothing, confirm: nothing, cancel: nothing } };

await withCoordinator(async ({ url, add, serve, register }) => {
  await add(defineParticipant(inventory, { barrier, activities }));
  // Payment takes every try, and for now no confirm.
  let isPaymentWell = false;
  const confirmAsked = Promise.withResolvers<void>();
  const paymentUrl = await serve(({ url = '' }, response) => {
    if (url.endsWith('/confirm')) confirmAsked.resolve();
    response.writeHead(isPaymentWell || url.endsWith('/try') ? 200 : 503).end();
  });
  await register('payment', { baseUrl: paymentUrl });

  const tercet = new Tercet({ urls: url, contracts: [inventory, payment] });
  const [stock, money] = [branch(inventory, 'reserve', {}), branch(payment, 'hold', {})];
  await tercet.submit({ name: 'order', idempotencyKey: 'order-1', branches: [stock] });
  const second = { name: 'order', idempotencyKey: 'order-2', branches: [stock, money] };
  await Promise.all([tercet.submit({ ...second, waitMs: 0 }), confirmAsked.promise]);
  // A call of somebody else's, such as a coordinator that this one knows nothing of.
  const foreign = { gid: GID, branchId: 'stock', deadlineAt: Date.now() };
  await barrier.run({ ...foreign, op: 'cancel' }, nothing);
  countRows();

  // A service does this once a day. What ended less than seven days ago is not even looked at.
  await cleanUp('today', tercet);
  // So that nobody waits here: the coordinator's answers, with its clock eight days on.
  const finality = async (gids: readonly string[]) => {
    const answer = await tercet.finality(gids);
    return { ...answer, now: new Date(Date.parse(answer.now) + 8 * DAY_MS).toISOString() };
  };
  await cleanUp('in eight days', { finality });
  countRows();

  // The confirm of payment was still owed. Only when it is done, no other call can come.
  isPaymentWell = true;
  const { status } = await tercet.submit(second);
  console.log(`once order-2 has ended: ${status}`);
  await cleanUp('in eight days', { finality });
  countRows();

  // The coordinator has to remember for longer than the barrier does.
  await barrier
    .cleanUp({ coordinator: tercet, retentionMs: 365 * DAY_MS })
    .catch((error: RangeError) => console.log(`with a longer time: ${error.message}`));
});

async function cleanUp(when: string, coordinator: CleanUpOptions['coordinator']): Promise<void> {
  const report = await barrier.cleanUp({ coordinator, retentionMs: 7 * DAY_MS });
  const { removedCount, keptCount, absentCount } = report;
  console.log(
    `${when}: ${removedCount} removed, ${keptCount} kept, ${absentCount} unknown to the coordinator`,
  );
}

function countRows(): void {
  console.log(`rows: ${db.prepare('SELECT COUNT(*) FROM tercet_barrier').pluck().get()}`);
}
