// What is passed on of a trace without any library: baggage for a minute, in bounded memory.
import { describe, expect, test } from '@jest/globals';
import { BaggageMemory, FIRST_MINUTE_MS, NO_TRACER } from '../../src/application/tracing.ts';
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
