/** Rows that do not add up, as half a restore or an edit leaves them, put their own transaction in quarantine, and no other. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { migrate } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { isQuarantined, type QuarantinedTransaction } from '../../src/application/ports.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import { describeOn } from '../support/servers.ts';
import { allReplied, cancelRequested, newGid, newTransaction, saveOf } from '../support/saves.ts';

const COMMIT_TIMEOUT_MS = 60_000;
const DUE = Date.UTC(2026, 0, 1);

const EVERYTHING = {
  ...{ status: null, isParked: null, isQuarantined: null, attention: null, participant: null, name: null },
  ...{ businessKey: null, beganAfter: null, before: null, limit: 200 },
};

/** What breaks a transaction that is being cancelled, what repairs it, and the words of the fault. */
const FAULTS: Readonly<Record<string, { breaks: string; repairs: string; fault: RegExp }>> = {
  'a journal row that was lost': {
    breaks: 'DELETE FROM journal WHERE gid = ? AND seq = 2',
    repairs:
      "INSERT INTO journal (gid, seq, at, writer, version, entries) VALUES (?, 2, '2026-01-01', 'restored', 2, '{}')",
    fault: /^its journal ends with row 1, and its row in global_transaction is that of row 2$/,
  },
  'a journal that is ahead of its row': {
    breaks: 'UPDATE global_transaction SET seq = 1 WHERE gid = ?',
    repairs: 'UPDATE global_transaction SET seq = 2 WHERE gid = ?',
    fault: /^its journal ends with row 2, and its row in global_transaction is that of row 1$/,
  },
  'a last branch that was deleted': {
    breaks: "DELETE FROM branch WHERE gid = ? AND branch_id = 'b'",
    repairs: '',
    fault: /^1 of its 2 branches are there$/,
  },
  'settings that are no JSON': {
    breaks: "UPDATE global_transaction SET policy = '{' WHERE gid = ?",
    repairs: '',
    fault: /^policy of global_transaction is no JSON object$/,
  },
  'settings that lack what is needed': {
    breaks: "UPDATE global_transaction SET policy = '{}' WHERE gid = ?",
    repairs: '',
    fault: /^its rows cannot be read: /,
  },
  'a step that is no JSON': {
    breaks: "UPDATE branch SET step = 'x' WHERE gid = ? AND branch_id = 'a'",
    repairs: "UPDATE branch SET step = NULL WHERE gid = ? AND branch_id = 'a'",
    fault: /^step of branch “a” is no JSON object$/,
  },
  'a status without its decision': {
    breaks: "UPDATE global_transaction SET status = 'confirming' WHERE gid = ?",
    repairs: "UPDATE global_transaction SET status = 'cancelling' WHERE gid = ?",
    fault: /^it is confirming, and its decision is cancel$/,
  },
  'an end that has no instant': {
    breaks: "UPDATE global_transaction SET status = 'cancelled' WHERE gid = ?",
    repairs: "UPDATE global_transaction SET status = 'cancelling' WHERE gid = ?",
    fault: /^it is cancelled, and has no instant of its end$/,
  },
  'a reply that does not exist': {
    breaks: "UPDATE branch SET phase_two_reply = 'maybe' WHERE gid = ? AND branch_id = 'a'",
    repairs: "UPDATE branch SET phase_two_reply = NULL WHERE gid = ? AND branch_id = 'a'",
    fault: /^branch “a” has a reply that does not exist$/,
  },
};

function suite(databaseUrl: () => Promise<string>): void {
  let sql: SqlStore;
  const found: QuarantinedTransaction[] = [];
  beforeAll(async () => {
    sql = await openStore(await databaseUrl(), COMMIT_TIMEOUT_MS, {
      onQuarantined: (one) => found.push(one),
    });
    await migrate(sql.dataSource);
  });
  afterAll(() => sql.close());

  const run = (text: string, gid: string) => sql.dataSource.query(text, [gid]);
  const claim = { now: DUE, limit: 1000, waker: newGid(), againAfterMs: 1000 };

  async function beginCancelling(): Promise<GlobalTransaction> {
    const begun = newTransaction(newGid());
    const tx = cancelRequested(begun);
    await sql.writer.writeBatch([saveOf(null, begun, { wakeAt: DUE })]);
    await sql.writer.writeBatch([saveOf({ tx: begun, seq: 1 }, tx, { wakeAt: DUE })]);
    return tx;
  }

  describe.each(Object.entries(FAULTS))('%s', (_name, { breaks, repairs, fault }) => {
    let tx: GlobalTransaction;
    let other: GlobalTransaction;
    const save = () => saveOf({ tx, seq: 2 }, allReplied(tx, 'succeeded'));
    beforeAll(async () => {
      tx = await beginCancelling();
      other = await beginCancelling();
      await run(breaks, tx.gid);
    });

    test('is found when the transaction is loaded, and noted once', async () => {
      for (let time = 0; time < 2; time += 1)
        await expect(sql.store.load(tx.gid)).rejects.toMatchObject({
          name: 'Quarantined',
          fault: expect.stringMatching(fault),
        });
      expect(found.filter(({ gid }) => gid === tx.gid)).toEqual([
        { gid: tx.gid, fault: expect.stringMatching(fault), quarantinedAt: expect.any(Number) },
      ]);
    });

    test('is listed, and hides no other transaction', async () => {
      const listed = await sql.store.list(EVERYTHING);
      expect(listed.find(({ gid }) => gid === other.gid)).toMatchObject({ status: 'cancelling' });
      const quarantined = await sql.store.list({ ...EVERYTHING, isQuarantined: true });
      expect(quarantined.filter(isQuarantined).map(({ gid }) => gid)).toContain(tx.gid);
      const sound = await sql.store.list({ ...EVERYTHING, isQuarantined: false });
      expect(sound.map(({ gid }) => gid)).not.toContain(tx.gid);
    });

    test('is counted', async () => {
      const marked = await sql.store.list({ ...EVERYTHING, isQuarantined: true });
      expect((await sql.store.countUnfinished(0)).quarantinedCount).toBe(marked.length);
    });

    test('keeps every save, sweep, new date and removal away', async () => {
      expect(await sql.writer.writeBatch([save()])).not.toMatchObject({ outcome: 'written' });
      await sql.store.redate([{ gid: tx.gid, seq: 2, wakeAt: DUE }]);
      const claimed = await sql.store.claimDue(claim);
      expect(claimed).toContain(other.gid);
      expect(claimed).not.toContain(tx.gid);
      await sql.store.removeFinished(Date.UTC(9999, 0), 1000);
      expect(await run('SELECT gid FROM global_transaction WHERE gid = ?', tx.gid)).toHaveLength(1);
      expect(await sql.store.gidsWaitingFor('inventory', '', 1000)).not.toContain(tx.gid);
    });

    test('keeps the transaction in quarantine while it is there', async () => {
      await expect(sql.store.release(tx.gid, () => DUE)).rejects.toThrow(/is in quarantine/);
      await expect(sql.store.load(tx.gid)).rejects.toThrow(/is in quarantine/);
    });

    if (repairs !== '')
      test('keeps it there until it is released, once repaired', async () => {
        await run(repairs, tx.gid);
        await expect(sql.store.load(tx.gid)).rejects.toThrow(/is in quarantine/);
        expect(await sql.writer.writeBatch([save()])).toMatchObject({ outcome: 'taken' });
        expect(await sql.store.release(tx.gid, () => DUE)).toEqual({ tx, seq: 2 });
        expect(await sql.store.load(tx.gid)).toEqual({ tx, seq: 2, wakeAt: DUE });
        expect(await sql.writer.writeBatch([save()])).toEqual({ outcome: 'written' });
      });
  });

  test('a transaction that is in no quarantine is released as it stands', async () => {
    const tx = await beginCancelling();
    expect(await sql.store.release(tx.gid, () => null)).toEqual({ tx, seq: 2 });
    expect((await sql.store.load(tx.gid))?.wakeAt).toBe(DUE);
    expect(await sql.store.release(newGid(), () => null)).toBeNull();
  });

  test('branches that a program registered which does not count them are no fault', async () => {
    const tx = await beginCancelling();
    await run('UPDATE global_transaction SET branch_count = 1 WHERE gid = ?', tx.gid);
    expect((await sql.store.load(tx.gid))?.tx).toEqual(tx);
    await run('UPDATE global_transaction SET branch_count = NULL WHERE gid = ?', tx.gid);
    expect((await sql.store.load(tx.gid))?.tx).toEqual(tx);
  });

  test('a journal row that is no JSON is named', async () => {
    const tx = await beginCancelling();
    await run("UPDATE journal SET entries = '{' WHERE gid = ? AND seq = 2", tx.gid);
    await expect(sql.store.journalOf(tx.gid)).rejects.toThrow(/row 2 of its journal is no JSON/);
  });

  test('a journal row whose entries have another form is named', async () => {
    const tx = await beginCancelling();
    const forms = [
      ...['null', '[]', '"text"', '{"transaction": 1}', '{"branches": {}}', '{"attempts": [null]}'],
      ...['{"branches": [{"phaseOne": {}}]}', '{"branches": [{"branchId": "a", "phaseTwo": "x"}]}'],
    ];
    for (const form of forms) {
      await run(`UPDATE journal SET entries = '${form}' WHERE gid = ? AND seq = 2`, tx.gid);
      await expect(sql.store.journalOf(tx.gid)).rejects.toThrow(/row 2 of its journal has no entries/);
    }
  });
}

describe('rows that do not add up (sqlite)', () => suite(async () => 'sqlite::memory:'));
describeOn(['mysql', 'mariadb'], 'rows that do not add up', (server) => suite(() => server.createDatabase()));
