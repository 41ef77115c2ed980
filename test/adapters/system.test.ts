import { describe, expect, test } from '@jest/globals';
import { validate, version } from 'uuid';
import { systemChance } from '../../src/adapters/system.ts';

describe('ids of a process', () => {
  test('are UUIDv7 that sort in the order in which they were made, also within a millisecond', () => {
    const ids = Array.from({ length: 10_000 }, systemChance.newId);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  });
});
