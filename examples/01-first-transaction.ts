/**
 * 01: a first transaction, by nothing but HTTP.
 *
 * Two services take part, inventory and payment, and say yes to whatever they are asked; what a real one
 * does stands in 02. One request names a branch for each. The coordinator calls both tries, decides, and
 * calls both confirms.
 *
 *   node --conditions=tercet-source examples/01-first-transaction.ts
 *
 * prints:
 *
 *   begun: trying. Waiting since … for inventory to try branch “stock”: no answer yet; …
 *   waited for: confirmed; the same transaction: true
 *   read: Confirmed at …, because every try succeeded.
 *   inventory was called: POST /reserve/try {"item":"mug","quantity":2}
 *   inventory was called: POST /reserve/confirm {"item":"mug","quantity":2}
 *   payment was called: POST /hold/try {"account":"ann","cents":2500}
 *   payment was called: POST /hold/confirm {"account":"ann","cents":2500}
 *   in the journal: trying
 *   in the journal: confirming, decided: confirm, all_tries_succeeded
 *   in the journal: confirmed
 */
import { text } from 'node:stream/consumers';
import { withCoordinator } from './with-coordinator.ts';

type Decision = { decision: string; reason: string };
type Transaction = { gid: string; status: string; explanation: string };
type Journal = { events: { changes: { transaction?: { status?: string; decision?: Decision } } }[] };

await withCoordinator(async ({ url, serve }) => {
  async function ask<Answer>(method: string, path: string, body?: object, headers = {}): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      body: body ? JSON.stringify(body) : null,
    });
    if (!response.ok) throw new Error(`${method} ${path} was answered ${await response.text()}`);
    return (await response.json()) as Answer;
  }

  // 1. The participants: they are called by name, and registered with where that is.
  const calls: Record<string, string[]> = { inventory: [], payment: [] };
  for (const [name, received] of Object.entries(calls)) {
    const baseUrl = await serve(async (request, response) => {
      received.push(`${request.method} ${request.url} ${await text(request)}`);
      response.writeHead(200).end();
    });
    await ask('PUT', `/v1/participants/${name}`, { baseUrl });
  }

  // 2. The transaction. Sent again with the same key it is the same one: no fear of repeating it.
  const branches = [
    {
      branchId: 'stock',
      participant: 'inventory',
      activity: 'reserve',
      payload: { item: 'mug', quantity: 2 },
    },
    { branchId: 'money', participant: 'payment', activity: 'hold', payload: { account: 'ann', cents: 2500 } },
  ];
  const order = { name: 'place-order', branches };
  const key = { 'idempotency-key': 'order-1' };
  const begun = await ask<Transaction>('POST', '/v1/transactions', order, key);
  console.log(`begun: ${begun.status}. ${begun.explanation}`);
  // Now it runs by itself. To repeat it is also the way to wait for its end, here for up to 10 s.
  const ended = await ask<Transaction>('POST', '/v1/transactions', order, { ...key, prefer: 'wait=10' });
  console.log(`waited for: ${ended.status}; the same transaction: ${ended.gid === begun.gid}`);

  // 3. What became of it, now or later.
  const read = await ask<Transaction>('GET', `/v1/transactions/${begun.gid}`);
  console.log(`read: ${read.explanation}`);
  for (const [name, received] of Object.entries(calls))
    for (const call of received) console.log(`${name} was called: ${call}`);

  // 4. How it came to that: a row for each durable change.
  const { events } = await ask<Journal>('GET', `/v1/transactions/${begun.gid}/events`);
  for (const { changes } of events) {
    const { status, decision } = changes.transaction ?? {};
    const why = decision ? `, decided: ${decision.decision}, ${decision.reason}` : '';
    if (status) console.log(`in the journal: ${status}${why}`);
  }
});
