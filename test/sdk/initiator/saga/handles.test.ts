// A contract names its activities: what a step is given.
import { describe, expect, test } from '@jest/globals';
import { type Contract, defineContract } from '@tercet/sdk';
import { Type } from 'typebox';
import { inventory, payment } from './contracts.ts';

describe('an activity of a contract', () => {
  test('is a member of it, and tells whose it is and what it takes', () => {
    expect(inventory.reserve).toEqual({
      participant: 'inventory',
      activity: 'reserve',
      schemas: inventory.activities.reserve,
    });
    expect([payment.authorise, payment.capture].map(({ activity }) => activity)).toEqual([
      'authorise',
      'capture',
    ]);
  });

  test('may have a name that is no identifier, or one that objects have', () => {
    const odd = defineContract('odd', {
      'hand-over': { payload: Type.Object({}) },
      toString: { payload: Type.Object({}) },
      constructor: { payload: Type.Object({}) },
    });
    expect(odd['hand-over'].activity).toBe('hand-over');
    expect(odd.toString.activity).toBe('toString');
    expect(odd.constructor.activity).toBe('constructor');
  });

  test('is not changed by anybody', () => {
    expect(() => Object.assign(inventory.reserve, { participant: 'thief' })).toThrow(TypeError);
  });

  test('leaves the contract what it was for everybody else', () => {
    const plain: Contract = inventory;
    expect(plain.name).toBe('inventory');
    expect(Object.keys(plain.activities)).toEqual(['reserve']);
  });
});

describe('an activity cannot be named', () => {
  const any = { payload: Type.Object({}) };
  test.each([
    'name',
    'activities',
    'contract',
  ])('%s, which a contract or a participant has itself', (name) => {
    const make = () => Reflect.apply(defineContract, null, ['inventory', { [name]: any }]);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`inventory cannot have an activity “${name}”`);
  });

  test('so, and be compiled', () => {
    const neverRun = () => [
      // @ts-expect-error every contract has a name
      defineContract('inventory', { name: any }),
      // @ts-expect-error every contract has activities
      defineContract('inventory', { activities: any }),
      // @ts-expect-error every participant has a contract
      defineContract('inventory', { contract: any }),
      // @ts-expect-error there is no such activity
      inventory.steal,
    ];
    expect(neverRun).toBeInstanceOf(Function);
  });
});
