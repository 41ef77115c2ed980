// What an op is given when the barrier runs it again in one call, after a conflict: the same as in the first run, whatever that did.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Barrier, currentCall, defineContract, defineParticipant } from '@tercet/sdk';
import type { Op } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import { describeOn } from '../../support/servers.ts';
import type { BarrierWorld } from '../barrier/barrier-world.ts';
import {
  betterSqliteWorld,
  mysql2World,
  nodeSqliteWorld,
  pgWorld,
  typeormWorld,
} from '../barrier/worlds-by-driver.ts';
import { answerOf, callFor, newGid } from './shop.ts';

const payload = { lines: [{ item: 'mug' }, { item: 'cup' }], note: { by: 'ann' } };
const Lines = Type.Object({ lines: Type.Array(Type.Object({ item: Type.String() })), note: Type.Unknown() });
const result = Type.Object({ items: Type.Array(Type.String()) });

const KINDS = {
  tcc: ['try', 'confirm', 'cancel'],
  step: ['action', 'compensate'],
  pivot: ['action'],
} as const;
/** Of each kind its ops, and what is called before. */
const CASES: readonly (readonly [keyof typeof KINDS, Op, readonly Op[]])[] = [
  ['tcc', 'try', []],
  ['tcc', 'confirm', ['try']],
  ['tcc', 'cancel', ['try']],
  ['step', 'action', []],
  ['step', 'compensate', ['action']],
  ['pivot', 'action', []],
];

type Given = { readonly payload: unknown; readonly context: Record<string, unknown> };

/** Taken for a conflict by every driver. */
const conflict = () => Object.assign(new Error('a conflict'), { errno: 1213, code: '40001' });
const busy = () => Object.assign(new Error('a conflict'), { code: 'SQLITE_BUSY' });

/** All members of what was given are emptied, changed or removed. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    spoil(Reflect.get(value, key));
    if (!Reflect.set(value, key, 'spoilt') || !Array.isArray(value)) Reflect.deleteProperty(value, key);
  }
  if (Array.isArray(value)) value.length = 0;
}

function secondRuns(open: () => BarrierWorld | Promise<BarrierWorld>, conflictOf: () => Error): void {
  let world: BarrierWorld;
  beforeAll(async () => {
    world = await open();
    await world.barrier.createTable();
  });
  afterAll(() => world.close());

  test.each(CASES)('of a %s: its %s is given the same in the second run', async (kind, op, before) => {
    const runs: string[] = [];
    const act = (asked: string) => (given: unknown, context: Given['context']) => {
      const { sqlTx: _sqlTx, ...handed } = context;
      if (asked === op) {
        runs.push(JSON.stringify({ given, handed, current: currentCall() }));
        spoil(given);
        spoil(handed);
        spoil(currentCall());
        if (runs.length === 1) throw conflictOf();
      }
      return { items: ['mug', 'cup'] };
    };
    const participant = defineParticipant(
      defineContract('shop', { take: { kind, payload: Lines, result } }),
      {
        barrier: world.barrier as Barrier<unknown>,
        activities: { take: Object.fromEntries(KINDS[kind].map((one) => [one, act(one)])) as never },
      },
    );
    const gid = newGid();
    for (const one of [...before, op]) {
      const call = callFor({ gid, activity: 'take', op: one, payload });
      expect(await answerOf(participant, call)).toMatchObject({
        status: 200,
        body: { items: ['mug', 'cup'] },
      });
    }
    expect(runs).toEqual([runs[0], runs[0]]);
    expect(JSON.parse(runs[0] ?? '')).toMatchObject({ given: payload, handed: { call: { gid, op } } });
  });
}

describe('an op on better-sqlite3', () => secondRuns(betterSqliteWorld, busy));
describe('an op on node:sqlite', () => secondRuns(nodeSqliteWorld, busy));
describeOn(['mysql', 'mariadb'], 'an op on mysql2', (server) =>
  secondRuns(async () => mysql2World(await server.createDatabase()), conflict),
);
describeOn(['postgres'], 'an op on pg', (server) =>
  secondRuns(async () => pgWorld(await server.createDatabase()), conflict),
);
describeOn(['mysql', 'postgres'], 'an op on TypeORM', (server) =>
  secondRuns(async () => typeormWorld(await server.createDatabase()), conflict),
);
