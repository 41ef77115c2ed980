/**
 * 08: signed calls. A participant that has a secret serves nobody who does not have it too; and the secret
 * can be changed while calls go on.
 *
 *   node --conditions=tercet-source examples/08-signed-calls.ts
 *
 * prints:
 *
 *   the coordinator has the secret: confirmed
 *   a call without a signature: 401 webhook-id is missing: …
 *   a call signed with another secret: 401 no signature of the call is by a secret of the participant …
 *   both take it, the coordinator has the old one: confirmed
 *   both take it, the coordinator has the new one: confirmed
 *   only the new one is left: confirmed
 *   a call signed with the old secret: 401 no signature of the call is by a secret of the participant …
 */
import { branch, defineContract, defineParticipant, Tercet } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret, signatureHeaders } from '@tercet/sdk/signature';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { call, GID } from './call.ts';
import { withCoordinator } from './with-coordinator.ts';

const inventory = defineContract('inventory', { reserve: { payload: Type.Object({}) } });
const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
await barrier.createTable();
const nothing = () => null;
const activities = { reserve: { try: nothing, confirm: nothing, cancel: nothing } };
const takingCallsBy = (...secrets: string[]) =>
  nodeHttpParticipant(defineParticipant(inventory, { barrier, activities, secrets }));

const oldOne = newSecret();
const newOne = newSecret();

await withCoordinator(async ({ url, serve, register }) => {
  let handle = takingCallsBy(oldOne);
  const baseUrl = await serve((request, response) => handle(request, response));

  const submit = async (when: string) => {
    const tercet = new Tercet({ urls: url, contracts: [inventory] });
    const { status } = await tercet.submit({ name: 'order', branches: [branch(inventory, 'reserve', {})] });
    console.log(`${when}: ${status}`);
  };

  // The coordinator takes the secret and never shows it. An initiator that calls tries itself, by run, needs
  // it as well: new Tercet({ …, secrets: { inventory: secret } }).
  await register('inventory', { baseUrl, secrets: [oldOne] });
  await submit('the coordinator has the secret');
  await forge('a call without a signature');
  await forge('a call signed with another secret', newSecret());

  // To change it: the participant takes both, then the callers change; after five minutes the old one goes.
  handle = takingCallsBy(newOne, oldOne);
  await submit('both take it, the coordinator has the old one');
  await register('inventory', { baseUrl, secrets: [newOne] });
  await submit('both take it, the coordinator has the new one');
  handle = takingCallsBy(newOne);
  await submit('only the new one is left');
  await forge('a call signed with the old secret', oldOne);

  async function forge(what: string, secret?: string): Promise<void> {
    const to = { activity: 'reserve', gid: GID, branchId: 'stock', op: 'try', payload: {} } as const;
    const signature = secret === undefined ? {} : signatureHeaders(to, '{}', [secret], new Date());
    const { status, answer } = await call(baseUrl, to, signature);
    console.log(`${what}: ${status} ${(answer as { detail: string }).detail}`);
  }
});
