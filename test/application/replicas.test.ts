/** Which version of the journal is written while replicas of different versions run next to each other. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryHeartbeatStore } from '../../src/adapters/memory/heartbeats.ts';
import {
  EVERY_MS,
  EXPIRED_MS,
  type HeartbeatStore,
  Replicas,
  type ReplicasParts,
} from '../../src/application/replicas.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('the version of the journal to write', () => {
  let clock: VirtualClock;
  let heartbeats: MemoryHeartbeatStore;
  let failure: Error | null;
  let errors: string[];
  let written: number[];

  beforeEach(() => {
    clock = new VirtualClock();
    heartbeats = new MemoryHeartbeatStore();
    failure = null;
    errors = [];
    written = [];
  });

  const failing = (store: HeartbeatStore): HeartbeatStore => ({
    async beat(heartbeat, expiredBefore) {
      if (failure) throw failure;
      return store.beat(heartbeat, expiredBefore);
    },
    async remove(id) {
      if (failure) throw failure;
      return store.remove(id);
    },
  });

  /** A replica of the release that brings version 3, unless it is said otherwise. */
  const replica = (id: string, given: Partial<ReplicasParts['versions']> = {}) =>
    new Replicas({
      heartbeats: failing(heartbeats),
      time: clock,
      chance: { draw: () => 0.5, newId: () => id },
      log: { error: (what) => errors.push(what) },
      id,
      programVersion: '0.2.0',
      versions: { oldestRead: 1, newestRead: 3, newestWritten: 3, ...given },
      onWrittenVersion: (version) => written.push(version),
    });

  test('is the one before until a heartbeat is stored', async () => {
    const only = replica('a');
    expect(only.writtenVersion).toBe(2);
    await only.beat();
    expect(only.writtenVersion).toBe(3);
    expect(written).toEqual([3]);
    await only.beat();
    expect(written).toEqual([3]);
  });

  test('is the one before while another replica does not read the new one', async () => {
    const [one, old] = [replica('a'), replica('b', { newestRead: 2, newestWritten: 2 })];
    await old.beat();
    await one.beat();
    expect([one.writtenVersion, old.writtenVersion]).toEqual([2, 2]);
    await old.stop();
    await one.beat();
    expect(one.writtenVersion).toBe(3);
    // It comes again: a roll-back.
    await old.beat();
    await one.beat();
    expect(one.writtenVersion).toBe(2);
    expect(written).toEqual([2, 2, 3, 2]);
  });

  test('is the new one next to a replica that reads it and does not write it yet', async () => {
    const [one, reader] = [replica('a'), replica('b', { newestRead: 3, newestWritten: 2 })];
    await reader.beat();
    await one.beat();
    expect([one.writtenVersion, reader.writtenVersion]).toEqual([3, 2]);
  });

  test('is never older than the one before, whatever a heartbeat says', async () => {
    const [one, ancient] = [replica('a'), replica('b', { newestRead: 1, newestWritten: 1 })];
    await ancient.beat();
    await one.beat();
    expect(one.writtenVersion).toBe(2);
  });

  test('does not wait for a replica that died, once its heartbeat has expired', async () => {
    const [one, dead] = [replica('a'), replica('b', { newestRead: 2 })];
    await dead.beat();
    clock.nowMs += EXPIRED_MS;
    await one.beat();
    expect(one.writtenVersion).toBe(2);
    clock.nowMs += 1;
    await one.beat();
    expect(one.writtenVersion).toBe(3);
  });

  test('is the one before again when no heartbeat could be stored for long', async () => {
    const one = replica('a');
    await one.start();
    expect(one.writtenVersion).toBe(3);
    failure = new Error('away');
    await clock.run(EVERY_MS);
    expect(errors).toEqual(['heartbeat not stored']);
    expect(one.writtenVersion).toBe(3);
    await clock.run(EXPIRED_MS);
    expect(one.writtenVersion).toBe(2);
    failure = null;
    await clock.run(EVERY_MS);
    expect(one.writtenVersion).toBe(3);
    failure = new Error('away');
    await one.stop();
    expect(errors.at(-1)).toBe('heartbeat not removed: it expires by itself');
  });
});
