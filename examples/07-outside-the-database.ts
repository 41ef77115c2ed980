/**
 * 07: work that no rollback undoes. A try puts a hold on an account at a bank, and the participant dies
 * before it has noted that. Since it noted first that it was about to, its cancel knows that there may be
 * something to give back.
 *
 *   node --conditions=tercet-source examples/07-outside-the-database.ts
 *
 * prints:
 *
 *   the bank: PUT …/money, holds: 1
 *   the participant has died before it noted the hold
 *   somebody cancels: cancelling
 *   the participant is back, at another address
 *   the bank: DELETE …/money, holds: 0
 *   in the end: cancelled
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { branch, type Call, defineContract, defineParticipant, Tercet } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { withCoordinator } from './with-coordinator.ts';

const payment = defineContract('payment', { hold: { payload: Type.Object({ account: Type.String() }) } });

const [, , role, file = '', bankUrl = ''] = process.argv;
if (role === undefined) await watch();
else await takePart(role === 'that-dies');

/** The participant, in a process of its own. */
async function takePart(dies: boolean): Promise<void> {
  const barrier = sqliteBarrier({ db: new SQLite(file) });
  await barrier.createTable();
  // The bank knows a hold by our key: it bears the same request twice, and a DELETE of nothing.
  const ask = async (method: string, { gid, branchId }: Call, signal: AbortSignal) => {
    const response = await fetch(`${bankUrl}/holds/${gid}/${branchId}`, { method, signal });
    if (!response.ok) throw new Error(`the bank answered ${response.status}`);
  };
  const participant = defineParticipant(payment, {
    barrier,
    activities: {
      hold: {
        // The start of each op is durable before it works. Who died is waited for this long.
        outside: { limitMs: 500 },
        async try(_order, { call, signal }) {
          await ask('PUT', call, signal);
          if (dies) process.exit(1);
        },
        confirm: (_order, { call, signal }) => ask('POST', call, signal),
        cancel: (_order, { call, signal }) => ask('DELETE', call, signal),
      },
    },
  });
  const server = createServer(nodeHttpParticipant(participant)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
}

async function watch(): Promise<void> {
  await withCoordinator(async ({ url, folder, start, serve, register }) => {
    const holds = new Set<string>();
    const bankUrl = await serve(({ method, url = '' }, response) => {
      if (method === 'PUT') holds.add(url);
      else holds.delete(url);
      console.log(`the bank: ${method} ${url}, holds: ${holds.size}`);
      response.end();
    });
    const startPayment = async (role: string) => {
      const child = start(import.meta.filename, role, join(folder, 'payment.db'), bankUrl);
      const [port] = await once(child, 'message');
      await register('payment', { baseUrl: `http://127.0.0.1:${port}` });
      return child;
    };
    const cancel = async (gid: string, waitS: number) => {
      const headers = { prefer: `wait=${waitS}` };
      const response = await fetch(`${url}/v1/transactions/${gid}/cancel`, { method: 'POST', headers });
      return ((await response.json()) as { status: string }).status;
    };

    const child = await startPayment('that-dies');
    const tercet = new Tercet({ urls: url, contracts: [payment] });
    const branches = [branch(payment, 'hold', { account: 'ann' }, { branchId: 'money' })];
    const [{ gid }] = await Promise.all([
      tercet.submit({ name: 'order', branches, waitMs: 0 }),
      once(child, 'exit'),
    ]);
    console.log('the participant has died before it noted the hold');
    console.log(`somebody cancels: ${await cancel(gid, 0)}`);
    await startPayment('that-lives');
    console.log('the participant is back, at another address');
    console.log(`in the end: ${await cancel(gid, 10)}`);
  });
}
