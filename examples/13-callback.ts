/**
 * 13: a callback. Whoever hands a transaction over need not wait for its end: the coordinator tells a listener, and
 * tells it again until it has heard. So the listener may hear twice, and has to bear that.
 *
 *   node --conditions=tercet-source examples/13-callback.ts
 *
 * prints:
 *
 *   handing over order-1
 *   order-1 confirmed: and now the database of orders is away
 *   order-1 confirmed: noted
 *   handing over order-2
 *   order-2 cancelled, try_refused: noted
 *   signed by nobody: 401
 */
import { once } from 'node:events';
import { branch, defineListener, Tercet } from '@tercet/sdk';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret } from '@tercet/sdk/signature';
import { inventory, openServices, payment } from './services.ts';
import { withCoordinator } from './with-coordinator.ts';

const secret = newSecret();
const noted = new Map<string, string>();
const notes = new EventTarget();
let isAway = true;

const listener = defineListener(
  'orders',
  {
    'order-ended': async ({ gid, businessKey, status, reason }) => {
      const what = `${businessKey} ${status}${status === 'cancelled' ? `, ${reason}` : ''}`;
      if (isAway) {
        isAway = false;
        console.log(`${what}: and now the database of orders is away`);
        // Whatever is thrown means: tell me again.
        throw new Error('the database is away');
      }
      // The gid tells a repetition: here it is nothing new, and in a database it is an upsert.
      if (!noted.has(gid)) console.log(`${what}: noted`);
      noted.set(gid, status);
      notes.dispatchEvent(new Event('noted'));
    },
  },
  { secrets: [secret], onError: () => {} },
);

await withCoordinator(async ({ url, add, serve, register }) => {
  const { participants } = await openServices();
  for (const participant of participants) await add(participant);
  // Mounted and registered as a participant is; a service may be both.
  const handle = nodeHttpParticipant(listener);
  const baseUrl = await serve((request, response) => void handle(request, response));
  await register('orders', { baseUrl, secrets: [secret] });

  const tercet = new Tercet({ urls: url, contracts: [inventory, payment] });
  for (const [order, cents] of [
    ['order-1', 1250],
    ['order-2', 99_999],
  ] as const) {
    const heard = once(notes, 'noted');
    console.log(`handing over ${order}`);
    await tercet.submit({
      name: 'place-order',
      businessKey: order,
      idempotencyKey: order,
      branches: [
        branch(inventory, 'reserve', { item: 'mug', quantity: 1 }),
        branch(payment, 'hold', { account: 'ann', cents }),
      ],
      waitMs: 0,
      callback: { participant: 'orders', activity: 'order-ended' },
    });
    await heard;
  }

  const forged = await fetch(`${baseUrl}/order-ended/notify`, { method: 'POST', body: '{}' });
  console.log(`signed by nobody: ${forged.status}`);
});
