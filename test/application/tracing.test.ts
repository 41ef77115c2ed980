// What is passed on of a trace without any library: baggage for a minute, in bounded memory.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { BaggageMemory, FIRST_MINUTE_MS } from '../../src/application/trace-context.ts';
import { NO_TRACER, type Tracer } from '../../src/application/tracing.ts';
import { seededChance, VirtualClock } from '../support/virtual-clock.ts';
import { participantsThat, registryOf, testEngine } from '../support/engine.ts';
import { policy } from '../support/saves.ts';
import { begin } from '../support/transactions.ts';

describe('baggage', () => {
  test('is known for the first minute, and forgotten then', () => {
    const memory = new BaggageMemory();
    memory.remember('a', 'tenant=7', 1000);
    expect(memory.of('a', 1000 + FIRST_MINUTE_MS - 1)).toBe('tenant=7');
    expect(memory.of('a', 1000 + FIRST_MINUTE_MS)).toBeNull();
    expect(memory.of('b', 1000)).toBeNull();
  });

  test('of the oldest is forgotten when there are too many', () => {
    const memory = new BaggageMemory();
    for (let count = 0; count <= 10_000; count += 1) memory.remember(`gid-${count}`, 'a=1', 0);
    expect(memory.of('gid-0', 0)).toBeNull();
    expect(memory.of('gid-10000', 0)).toBe('a=1');
  });
});

test('without a tracer calls carry what the transaction has stored', async () => {
  const tx = begin({ traceparent: '00-a-b-01', tracestate: 'a=1' });
  const call = { branchId: 'stock', participant: 'inventory', attempt: 1, op: 'try' } as const;
  const span = NO_TRACER.call(tx, call, { baggage: 'tenant=7', now: 0 });
  expect(span.context).toEqual({ traceparent: '00-a-b-01', tracestate: 'a=1', baggage: 'tenant=7' });
  expect(await span.run(async () => 'done')).toBe('done');
});

test('the tracer is notified of each take-over and each retry, and of every call with the gid', async () => {
  const seen: string[] = [];
  const tracer: Tracer = {
    ...NO_TRACER,
    recovered: ({ status }) => void seen.push(`recovered ${status}`),
    retried: () => void seen.push('retried'),
    call(tx, call, carried) {
      seen.push(`${call.op} ${call.attempt}`);
      return NO_TRACER.call(tx, call, carried);
    },
  };
  const clock = new VirtualClock();
  const store = new MemoryTransactionStore();
  const registry = registryOf('stock');
  const alive = { isAlive: true };
  const engineOf = (seed: number, process: { isAlive: boolean }, httpStatus: (op: string) => number | null) =>
    testEngine({
      clock,
      process,
      store,
      registry,
      tracer,
      chance: seededChance(seed),
      participants: participantsThat(({ op }) => httpStatus(op)),
    });
  const dying = { isAlive: true };
  const first = engineOf(1, dying, (op) => (op === 'try' ? 200 : null));
  const branches = [{ branchId: 'b', participant: 'stock', activity: 'reserve' }];
  const outcome = await first.coordinator.begin({ branches }, null);
  if (!outcome.accepted) throw new Error(outcome.code);
  await setImmediate();
  expect(seen).toEqual(['try 1', 'confirm 1']);
  dying.isAlive = false;
  const second = engineOf(2, alive, () => 503);
  await clock.run(policy.callTimeoutMs + 2001);
  expect(await second.sweep.runOnce()).toBe(1);
  await setImmediate();
  expect(seen.slice(2)).toEqual(['recovered confirming', 'confirm 1']);
  await second.coordinator.retry(outcome.saved.tx.gid);
  await setImmediate();
  expect(seen.slice(4)).toEqual(['retried', 'confirm 1']);
});
