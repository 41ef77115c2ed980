/** Nothing that looks on can disturb what it looks at. */
import { expect, test } from '@jest/globals';
import type { Observer } from '../../src/application/ports.ts';
import { observers } from '../../src/observability/observers.ts';
import { begin } from '../support/transactions.ts';

const EVENTS: readonly (keyof Observer)[] = [
  'saved',
  'called',
  'completed',
  'circuitChanged',
  'participantRecovered',
  'resumed',
  'participantRegistered',
  'participantRemoved',
  'committed',
  'removed',
];

/** Does the same at every event. */
const doing = (act: (event: keyof Observer) => void): Observer => ({
  saved: () => act('saved'),
  called: () => act('called'),
  completed: () => act('completed'),
  circuitChanged: () => act('circuitChanged'),
  participantRecovered: () => act('participantRecovered'),
  resumed: () => act('resumed'),
  participantRegistered: () => act('participantRegistered'),
  participantRemoved: () => act('participantRemoved'),
  committed: () => act('committed'),
  removed: () => act('removed'),
});

function happenAll(observer: Observer): void {
  observer.saved(null, begin());
  observer.called({
    participant: 'inventory',
    op: 'try',
    reply: 'succeeded',
    durationMs: 1,
    sampledTraceId: null,
  });
  observer.completed(begin(), { branchId: 'stock', op: 'try', reply: 'succeeded', at: 0 });
  observer.circuitChanged('inventory', 'open');
  observer.participantRecovered('inventory');
  observer.resumed('inventory', 1);
  const inventory = { name: 'inventory', baseUrls: [], paths: {}, callTimeoutMs: null };
  observer.participantRegistered(inventory, null);
  observer.participantRemoved('inventory');
  observer.committed(1);
  observer.removed(1);
}

const throws = () => {
  throw new Error('broken');
};

test('each observer is told everything, though another throws, whose failure is told once', () => {
  const heard: [string, keyof Observer][] = [];
  const errors: unknown[] = [];
  const all = observers(
    [
      doing((event) => heard.push(['first', event])),
      doing(throws),
      doing((event) => heard.push(['last', event])),
    ],
    { error: (_what, error) => errors.push(error) },
  );
  happenAll(all);
  expect(heard).toEqual(
    EVENTS.flatMap((event) => [
      ['first', event],
      ['last', event],
    ]),
  );
  expect(errors).toEqual([new Error('broken')]);
});

test('a log that fails as well disturbs nothing', () => {
  expect(() => happenAll(observers([doing(throws)], { error: throws }))).not.toThrow();
});
