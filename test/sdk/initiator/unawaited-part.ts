/** A function of a transaction of which a part fails before it has called its try. Prints one line of JSON. */
import { Type } from 'typebox';
import { defineContract } from '@tercet/sdk';
import { createTestWorld, scripted } from '@tercet/sdk/testing';

const inventory = defineContract('inventory', { reserve: { kind: 'tcc', payload: Type.Object({}) } });
const world = await createTestWorld({ participants: [scripted(inventory)] });

const running = world.tercet.run({ name: 'order' }, async (tx) => {
  [true, false].forEach(async (isKnown) => {
    await null;
    if (!isKnown) throw new Error('no such item');
    await tx.inventory.reserve({});
  });
});
const outcome = await running.then(
  ({ status }) => ({ status, cause: null }),
  ({ name, cause }) => ({ status: name, cause: cause.message }),
);
console.log(JSON.stringify(outcome));
