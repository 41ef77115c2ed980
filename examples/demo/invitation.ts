/** What to try in the shop that stays open: lines that work when they are pasted into another terminal. */
import { v7 as newId } from 'uuid';
import { branchesOf } from './order.ts';
import { bold } from './paper.ts';
import type { Shop } from './shop.ts';

/** The initiator may choose the gid: sent twice, the first line begins one transaction and is told of it twice. */
export function invitation({ coordinator, payment }: Shop): string[] {
  const gid = newId();
  const order = { number: 'A-9', customer: 'ann', item: 'mug', quantity: 1 } as const;
  const request = JSON.stringify({
    gid,
    name: 'order',
    businessKey: order.number,
    branches: branchesOf(order),
  });
  const transactions = `${coordinator.url}/v1/transactions`;
  return [
    bold(
      'The shop stays open until Ctrl-C. One more mug for Ann, the journal of that order, and what she has left:',
    ),
    '',
    `curl -w '\\n' ${transactions} -H 'Content-Type: application/json' -H 'Prefer: wait=10' -d '${request}'`,
    `curl -w '\\n' ${transactions}/${gid}/events`,
    `curl -w '\\n' ${payment.child.url}/numbers`,
  ];
}
