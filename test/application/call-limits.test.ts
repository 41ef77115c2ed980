// What the call gate knows of the limits of participants.
import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, test } from '@jest/globals';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { RememberedLimits } from '../../src/application/call-limits.ts';
import type { ParticipantCall } from '../../src/application/ports.ts';
import { participantsThat, registryOf, testEngine } from '../support/engine.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;
let registry: ReturnType<typeof registryOf>;
let limits: RememberedLimits;
beforeEach(() => {
  clock = new VirtualClock();
  registry = registryOf('stock', 'money');
  limits = new RememberedLimits({ registry, time: clock });
});

const limit = (maxCallsPerSecond: number, name = 'stock') =>
  registry.put({ name, baseUrls: [`http://${name}.test`], maxCallsPerSecond });

test('what a begin finds is known', async () => {
  await limit(5);
  await limits.find('stock');
  expect(limits.of('stock')).toMatchObject({ maxCallsPerSecond: 5 });
});

test('what is not known is read', async () => {
  await limit(5);
  expect(limits.of('stock')).toBeNull();
  await setImmediate();
  expect(limits.of('stock')).toMatchObject({ maxCallsPerSecond: 5 });
});

test('what another replica registers is known a second later', async () => {
  await limits.find('stock');
  await limit(7);
  clock.pass(1000);
  limits.of('stock');
  await setImmediate();
  expect(limits.of('stock')).toMatchObject({ maxCallsPerSecond: 7 });
});

test('the former limits hold while the registry cannot be read', async () => {
  await limit(5);
  await limits.find('stock');
  registry.find = async () => {
    throw new Error('the database is away');
  };
  clock.pass(5000);
  limits.of('stock');
  await setImmediate();
  expect(limits.of('stock')).toMatchObject({ maxCallsPerSecond: 5 });
});

test('addresses and names that are not registered have none', async () => {
  expect(limits.of('https://stock.test')).toEqual({});
  limits.of('nobody');
  await setImmediate();
  expect(limits.of('nobody')).toEqual({ maxConcurrentCalls: null, maxCallsPerSecond: null });
});

test('I15: calls over a rate are no attempts, and another participant is called meanwhile', async () => {
  const calls: (ParticipantCall & { readonly atMs: number })[] = [];
  const participants = participantsThat((call) => {
    calls.push({ ...call, atMs: clock.nowMs });
    return 200;
  });
  const store = new MemoryTransactionStore();
  const { coordinator } = testEngine({ clock, store, registry, participants });
  await coordinator.registerParticipant({ name: 'stock', baseUrls: ['http://s.test'], maxCallsPerSecond: 5 });
  const begin = async (participant: string) => {
    const branches = [{ branchId: 'b', participant, activity: 'reserve' }];
    const outcome = await coordinator.begin({ branches, timeoutMs: 600_000 }, null);
    if (!outcome.accepted) throw new Error(outcome.code);
    return outcome.saved.tx.gid;
  };
  const limited: string[] = [];
  for (let count = 0; count < 40; count += 1) limited.push(await begin('stock'));
  const startedAtMs = clock.nowMs;
  const free = await begin('money');
  await clock.run(500);
  expect((await store.load(free))?.tx.status).toBe('confirmed');
  await clock.run(60_000);
  for (const gid of limited) expect((await store.load(gid))?.tx.status).toBe('confirmed');
  const ofStock = calls.filter(({ participant }) => participant === 'stock');
  expect(ofStock).toHaveLength(80);
  expect(new Set(ofStock.map(({ attempt }) => attempt))).toEqual(new Set([1]));
  for (const seconds of [1, 5, 10]) {
    const count = ofStock.filter(({ atMs }) => atMs - startedAtMs < seconds * 1000).length;
    expect(count).toBeLessThanOrEqual(5 * seconds + 5);
  }
});
