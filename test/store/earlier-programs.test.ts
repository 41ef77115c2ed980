/** Rows that a program wrote which knew neither budgets in time nor acceptance, in the tables of this one. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { migrate } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { DEFAULT_POLL_BUDGET_MS, DEFAULT_RETRY_BUDGET_MS } from '../../src/domain/index.ts';
import { describeOn } from '../support/servers.ts';
import { allReplied, cancelRequested, newGid, newTransaction, saveOf } from '../support/saves.ts';

const COMMIT_TIMEOUT_MS = 60_000;

function suite(databaseUrl: () => Promise<string>): void {
  let sql: SqlStore;
  beforeAll(async () => {
    sql = await openStore(await databaseUrl(), COMMIT_TIMEOUT_MS);
    await migrate(sql.dataSource);
  });
  afterAll(() => sql.close());

  test('a transaction with budgets in calls gets the default budgets in time', async () => {
    const tx = newTransaction(newGid());
    await sql.writer.writeBatch([saveOf(null, tx)]);
    const inCalls = { firstDelayMs: 1, maxDelayMs: 2, budget: 15 };
    const policy = JSON.stringify({ ...tx.policy, retry: inCalls, poll: inCalls });
    await sql.dataSource.query('UPDATE global_transaction SET policy = ? WHERE gid = ?', [policy, tx.gid]);
    const loaded = await sql.store.load(tx.gid);
    expect(loaded?.tx.policy).toEqual({
      ...tx.policy,
      retry: { firstDelayMs: 1, maxDelayMs: 2, budgetMs: DEFAULT_RETRY_BUDGET_MS },
      poll: { firstDelayMs: 1, maxDelayMs: 2, budgetMs: DEFAULT_POLL_BUDGET_MS },
    });
  });

  test('a branch keeps what it has spent and since when it is accepted, whatever is written next to it', async () => {
    const accepted = allReplied(allReplied(cancelRequested(newTransaction(newGid())), 'unknown'), 'ongoing');
    await sql.writer.writeBatch([saveOf(null, accepted)]);
    // All the columns of the call that such a program writes.
    await sql.dataSource.query(
      `UPDATE branch SET phase_two_reply = 'unknown', phase_two_attempt_count = 9, phase_two_answer = '503' WHERE gid = ?`,
      [accepted.gid],
    );
    const [before] = accepted.branches;
    const [after] = (await sql.store.load(accepted.gid))?.tx.branches ?? [];
    expect(before?.phaseTwo.spentMs).toBeGreaterThan(0);
    expect(after?.phaseTwo).toEqual({
      ...before?.phaseTwo,
      ...{ reply: 'unknown', attemptCount: 9, answer: '503' },
    });
  });
}

describe('rows of an earlier program (sqlite)', () => suite(async () => 'sqlite::memory:'));
describeOn(['mysql', 'mariadb'], 'rows of an earlier program', (server) =>
  suite(() => server.createDatabase()),
);
