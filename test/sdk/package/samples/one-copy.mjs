// The participant, which imports the SDK; its business code requires it.
import { currentCall, defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { createTestWorld } from '@tercet/sdk/testing';
import { Type } from '@tercet/sdk/typebox';
import required from './required.cjs';

const inventory = defineContract('inventory', { reserve: { payload: Type.Object({}) } });
const isSame = [];
const participant = defineParticipant(inventory, {
  // Passes every call: what is tested is in the participant.
  barrier: {
    run: async (_call, work) => ({ outcome: 'done', result: await work({}, { tryResult: null }) }),
    outside: async () => {},
  },
  activities: {
    reserve: {
      try() {
        isSame.push(required.currentCall() === currentCall() && currentCall() !== null);
        throw new required.Refusal('none is left');
      },
      confirm() {},
      cancel() {},
    },
  },
});
const world = await createTestWorld({ participants: [participant] });
const { status } = await world.tercet
  .run({ name: 'order' }, (tx) => tx.inventory.reserve({}))
  .catch((error) => error);
console.log(`the same call: ${isSame.every(Boolean)}`);
console.log(`Refusal is an instance: ${new required.Refusal('no') instanceof Refusal}`);
console.log(`the transaction: ${status}`);
