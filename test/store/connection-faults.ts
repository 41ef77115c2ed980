/**
 * The part of the store's contract that a network can break: a connection that is cut around the COMMIT, and a COMMIT
 * that the server gets late. After each, the save is durable once, and whoever asked is told so.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MysqlBatchWriter } from '../../src/adapters/sql/mysql-batch-writer.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { tablesOf } from '../../src/adapters/sql/table-names.ts';
import { systemChance, systemTime } from '../../src/adapters/system.ts';
import { GroupCommit } from '../../src/application/group-commit.ts';
import { type Save, StoreUnavailable } from '../../src/application/ports.ts';
import { noLog, noObserver } from '../support/engine.ts';
import { newTransaction, newGid, saveOf } from '../support/saves.ts';
import { saying, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TIMEOUT_MS = 500;

/** @param databaseUrl a migrated database */
export function connectionFaults(databaseUrl: () => string): void {
  let proxy: TcpProxy;
  let direct: SqlStore;
  let writer: MysqlBatchWriter;
  let commit: GroupCommit;

  beforeEach(async () => {
    const url = new URL(databaseUrl());
    proxy = await startTcpProxy({ targetPort: Number(url.port) });
    url.port = String(proxy.port);
    direct = await openStore(databaseUrl(), TIMEOUT_MS);
    writer = new MysqlBatchWriter({
      databaseUrl: url.href,
      timeoutMs: TIMEOUT_MS,
      tables: tablesOf(direct.dataSource),
      onSample: () => {},
    });
    commit = new GroupCommit({
      writer,
      time: systemTime,
      chance: systemChance,
      log: noLog,
      observer: noObserver,
    });
    await commit.save(saveOf(null, newTransaction(newGid())));
  });
  afterEach(async () => {
    await writer.close();
    await direct.close();
    await proxy.close();
  });

  const isWrittenOnce = async ({ gid, after, seq }: Save) => {
    expect(await direct.store.load(gid)).toMatchObject({ tx: after, seq });
    expect(await direct.store.journalOf(gid)).toHaveLength(seq);
  };

  describe('a connection that is cut', () => {
    test('before the COMMIT arrives: the save is sent again', async () => {
      const save = saveOf(null, newTransaction(newGid()));
      proxy.set({ when: saying('COMMIT'), do: 'cut-before' });
      expect(await commit.save(save)).toBe('saved');
      await isWrittenOnce(save);
    });

    test('after the COMMIT arrived, so that its answer is lost: the row is found to be ours', async () => {
      const save = saveOf(null, newTransaction(newGid()));
      proxy.set({ when: saying('COMMIT'), do: 'cut-after' });
      expect(await commit.save(save)).toBe('saved');
      await isWrittenOnce(save);
    });

    test('while the COMMIT is on its way, to appear after the save was sent again: it changes nothing', async () => {
      const save = saveOf(null, newTransaction(newGid()));
      const late = proxy.set({ when: saying('COMMIT'), do: 'cut-and-hold' });
      expect(await commit.save(save)).toBe('saved');
      late.release();
      await late.serverDone;
      await isWrittenOnce(save);
    });

    test('while the COMMIT is on its way, to appear before the save is sent again: the row is ours', async () => {
      const save = saveOf(null, newTransaction(newGid()));
      const late = proxy.set({ when: saying('COMMIT'), do: 'cut-and-hold' });
      // The pause before the next attempt lasts until the late packet has been dealt with.
      const after = (_delayMs: number, fn: () => void) => {
        late.release();
        void late.serverDone.then(fn);
        return () => {};
      };
      const time = { ...systemTime, after };
      expect(
        await new GroupCommit({ writer, time, chance: systemChance, log: noLog, observer: noObserver }).save(
          save,
        ),
      ).toBe('saved');
      await isWrittenOnce(save);
    });

    test('by silence: an answer that does not come in time is unknown, and the save is sent again', async () => {
      const save = saveOf(null, newTransaction(newGid()));
      const held = proxy.set({ when: saying('COMMIT'), do: 'hold' });
      expect(await commit.save(save)).toBe('saved');
      held.release();
      await held.serverDone;
      await isWrittenOnce(save);
    });

    test('while nothing was under way: the next save opens another', async () => {
      proxy.cutNow();
      const save = saveOf(null, newTransaction(newGid()));
      expect(await commit.save(save)).toBe('saved');
      await isWrittenOnce(save);
    });

    test('under a read, by silence: the read is given up with its connection, and the next one is answered', async () => {
      const url = new URL(databaseUrl());
      url.port = String(proxy.port);
      const through = await openStore(url.href, TIMEOUT_MS);
      const save = saveOf(null, newTransaction(newGid()));
      await commit.save(save);
      proxy.pause();
      await expect(through.store.load(save.gid)).rejects.toBeInstanceOf(StoreUnavailable);
      proxy.resume();
      expect(await through.store.load(save.gid)).toMatchObject({ tx: save.after, seq: 1 });
      await through.close();
    });

    test('by silence before a new session is set: another connection is opened', async () => {
      proxy.cutNow();
      const held = proxy.set({ when: saying('SET NAMES'), do: 'hold' });
      const save = saveOf(null, newTransaction(newGid()));
      expect(await commit.save(save)).toBe('saved');
      held.release();
      await isWrittenOnce(save);
    });

    test('before anything was sent, for good: the save is refused, and surely not written', async () => {
      await writer.close();
      await proxy.refuse();
      const save = saveOf(null, newTransaction(newGid()));
      const hurriedCommit = new GroupCommit({
        writer,
        time: new VirtualClock({ isSelfRunning: true }),
        chance: systemChance,
        log: noLog,
        observer: noObserver,
      });
      await expect(hurriedCommit.save(save)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
      expect(await direct.store.load(save.gid)).toBeNull();
    });
  });
}
