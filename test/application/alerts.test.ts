/**
 * Alerts on real databases and over real HTTP: what is raised, that it is sent once for each cause by whichever replica,
 * and that it is repeated until it is accepted. The time is the test's.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Value } from 'typebox/value';
import { AlertPost } from '@tercet/sdk/wire';
import { AlertWebhook } from '../../src/adapters/alert-webhook.ts';
import { SqlAlertStore } from '../../src/adapters/sql/alert-rows.ts';
import { migrate } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { systemChance } from '../../src/adapters/system.ts';
import { Alerts, type AlertsParts } from '../../src/application/alerts.ts';
import { JOURNAL_VERSION } from '../../src/application/journal.ts';
import type { Saved } from '../../src/application/ports.ts';
import type { Event, GlobalTransaction } from '../../src/domain/index.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { allReplied, newTransaction, cancelRequested, newGid, saveOf } from '../support/saves.ts';
import { told } from '../support/transactions.ts';
import { MARKS } from '../support/marks.ts';
import { describeOn } from '../support/servers.ts';
import { AlertReceiver } from '../support/alert-receiver.ts';

const ATTENTION_AFTER_MS = 600_000;
const ATTEMPTS = 3;
const COMMIT_TIMEOUT_MS = 60_000;
/** All of them are spent before the sixth call: `support/saves.ts`. */
const T0 = Date.UTC(2026, 0, 1);

describe('alerts on SQLite', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tercet-alerts-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  alertsOn(async () => `sqlite:${join(folder, `${newGid()}.sqlite`)}`);
});

describeOn(['mysql', 'mariadb'], 'alerts', (server) => alertsOn(() => server.createDatabase()));

function alertsOn(newDatabase: () => Promise<string>): void {
  let sql: SqlStore;
  let receiver: AlertReceiver;
  let time: VirtualClock;
  let webhook: AlertWebhook;
  let posts: string[];
  let explain: (tx: GlobalTransaction) => string;
  beforeEach(async () => {
    sql = await openStore(await newDatabase(), COMMIT_TIMEOUT_MS);
    await migrate(sql.dataSource);
    receiver = await AlertReceiver.start();
    time = new VirtualClock();
    time.nowMs = T0 + ATTENTION_AFTER_MS;
    webhook = new AlertWebhook({
      url: `${receiver.url}/alerts?team=payments`,
      secrets: [receiver.secret],
      userAgent: 'tercet/test',
      // Receivers judge the age of a signature by the clock of this machine.
      now: () => Date.now(),
      traceUrlOf: ({ gid }) => `http://jaeger.example/${gid}`,
    });
    posts = [];
    explain = ({ status }) => `It is ${status}.`;
  });
  afterEach(async () => {
    await webhook.close();
    await receiver.close();
    await sql.close();
  });

  const replica = (given: Partial<AlertsParts> = {}) =>
    new Alerts({
      store: sql.store,
      time,
      chance: systemChance,
      log: { error: () => {} },
      alerts: new SqlAlertStore({ dataSource: sql.dataSource }),
      sender: webhook,
      explain: (tx) => explain(tx),
      onPost: (outcome) => posts.push(outcome),
      attentionAfterMs: ATTENTION_AFTER_MS,
      attemptCount: ATTEMPTS,
      everyMs: 1000,
      ...given,
    });
  const stored = async (tx: GlobalTransaction, before: Saved | null = null): Promise<Saved> => {
    const seq = (before?.seq ?? 0) + 1;
    const isOwed = tx.finishedAt === null || tx.notification?.reply === null;
    const save = saveOf(before, tx, { wakeAt: isOwed ? T0 : null });
    expect(await sql.writer.writeBatch([save])).toEqual({ outcome: 'written' });
    return { tx, seq };
  };
  const causes = () => receiver.alerts().map(({ cause, gid }) => `${cause} ${gid}`);

  test('a branch that waits too long raises one alert, in a signed post that fits its schema', async () => {
    const { tx } = await stored(confirming());
    time.nowMs -= 1;
    expect(await replica().runOnce()).toBe(0);
    time.nowMs += 1;
    expect(await replica().runOnce()).toBe(1);
    const [post] = receiver.posts;
    expect(Value.Check(AlertPost, post?.body)).toBe(true);
    expect(post).toMatchObject({ path: '/alerts?team=payments', fault: null });
    expect(receiver.alerts()).toEqual([
      {
        cause: 'needs_attention',
        gid: tx.gid,
        name: 'order',
        status: 'confirming',
        raisedAt: new Date(time.nowMs).toISOString(),
        waitingSince: new Date(T0).toISOString(),
        explanation: 'It is confirming.',
        traceUrl: `http://jaeger.example/${tx.gid}`,
      },
    ]);
    expect(JSON.stringify(post?.body)).not.toMatch(/Bestellung|日本/);
    time.nowMs += 86_400_000;
    expect(await replica().runOnce()).toBe(0);
    expect(receiver.posts).toHaveLength(1);
    expect(posts).toEqual(['accepted']);
  });

  test('a post leaves out the reason that a participant gave', async () => {
    explain = ({ branches }) => String(branches[0]?.phaseTwo.answer);
    await stored(allReplied(confirming(), 'unknown', `409: ${MARKS.detail}`));
    time.nowMs += ATTENTION_AFTER_MS;
    expect(await replica().runOnce()).toBe(1);
    expect(receiver.alerts()).toMatchObject([{ explanation: '409' }]);
  });

  test('a post leaves out the note of a cancel', async () => {
    explain = ({ decision }) => `${decision?.reason} ${decision?.note}`;
    await stored(allReplied(cancelRequested(newTransaction(newGid()), MARKS.detail), 'unknown'));
    time.nowMs += ATTENTION_AFTER_MS;
    expect(await replica().runOnce()).toBe(1);
    expect(receiver.alerts()).toMatchObject([{ explanation: 'cancel_requested undefined' }]);
  });

  test('a transaction that its deadline ends, or that has ended, raises no alert', async () => {
    await stored(newTransaction(newGid()));
    await stored(allReplied(confirming(), 'succeeded'));
    await stored({ ...newTransaction(newGid()), mode: 'interactive' });
    time.nowMs += 86_400_000;
    expect(await replica().runOnce()).toBe(0);
    expect(receiver.posts).toEqual([]);
  });

  test('a callback that is not delivered in time raises an alert of its own cause, and no other', async () => {
    const ended = await stored(allReplied(allReplied(withCallback(), 'succeeded'), 'succeeded'));
    expect(await replica().runOnce()).toBe(1);
    expect(causes()).toEqual([`callback_undelivered ${ended.tx.gid}`]);
    await stored(notified(ended.tx), ended);
    time.nowMs += 86_400_000;
    expect(await replica().runOnce()).toBe(0);
    expect(await rowCount()).toBe(0);
  });

  test('a cancel raises an alert after as many calls as the setting says, long before it needs attention', async () => {
    time.nowMs = T0 + 1;
    const two = allReplied(allReplied(cancelRequested(newTransaction(newGid())), 'unknown'), 'unknown');
    const saved = await stored(two);
    expect(await replica().runOnce()).toBe(0);
    await stored(allReplied(two, 'unknown'), saved);
    expect(await replica().runOnce()).toBe(1);
    expect(causes()).toEqual([`compensation_failing ${two.gid}`]);
  });

  test('a confirm that is called as often is no failing compensation', async () => {
    time.nowMs = T0 + 1;
    await stored(allReplied(allReplied(allReplied(confirming(), 'unknown'), 'unknown'), 'unknown'));
    expect(await replica().runOnce()).toBe(0);
  });

  test('a post that is not accepted is repeated with its id, and only after a pause', async () => {
    const { tx } = await stored(confirming());
    receiver.status = 500;
    await expect(replica().runOnce()).rejects.toThrow('answered 500');
    expect(await replica().runOnce()).toBe(0);
    time.nowMs += 10_000;
    receiver.status = 204;
    expect(await replica().runOnce()).toBe(1);
    expect(receiver.posts.map(({ id }) => id)).toEqual(Array(2).fill(receiver.posts[0]?.id));
    expect(causes()).toEqual(Array(2).fill(`needs_attention ${tx.gid}`));
    expect(posts).toEqual(['failed', 'accepted']);
  });

  test.each([301, 401, 429])('a receiver that answers %i has not accepted it', async (status) => {
    await stored(confirming());
    receiver.status = status;
    await expect(replica().runOnce()).rejects.toThrow(`answered ${status}`);
    expect(receiver.posts).toHaveLength(1);
  });

  test('a cause that is over before its post is accepted is not posted any more', async () => {
    const saved = await stored(confirming());
    receiver.status = 500;
    await expect(replica().runOnce()).rejects.toThrow();
    await stored(allReplied(saved.tx, 'succeeded'), saved);
    time.nowMs += 3_600_000;
    receiver.status = 200;
    expect(await replica().runOnce()).toBe(0);
    expect(receiver.posts).toHaveLength(1);
  });

  test('a cause that comes back raises a new alert', async () => {
    const cancelling = await stored(cancelRequested(newTransaction(newGid())));
    expect(await replica().runOnce()).toBe(1);
    const ended = await stored(allReplied(cancelling.tx, 'succeeded'), cancelling);
    expect(await replica().runOnce()).toBe(0);
    await sql.writer.writeBatch([saveOf(ended, withLateSuccess(ended.tx, time.nowMs), { wakeAt: T0 })]);
    time.nowMs += ATTENTION_AFTER_MS;
    expect(await replica().runOnce()).toBe(1);
    expect(causes()).toEqual(Array(2).fill(`needs_attention ${ended.tx.gid}`));
    expect(new Set(receiver.posts.map(({ id }) => id)).size).toBe(2);
  });

  test('one that cannot be read withholds no other, and is posted once it can be read', async () => {
    const unreadable = await stored(confirming());
    const { tx } = await stored(confirming());
    const setVersion = (version: number, gid: string) =>
      sql.dataSource.query('UPDATE global_transaction SET version = ? WHERE gid = ?', [version, gid]);
    explain = ({ gid, status }) => {
      if (gid === unreadable.tx.gid) throw new Error('odd');
      return `It is ${status}.`;
    };
    expect(await replica().runOnce()).toBe(1);
    expect(causes()).toEqual([`needs_attention ${tx.gid}`]);
    await setVersion(999, unreadable.tx.gid);
    expect(await replica().runOnce()).toBe(0);
    await setVersion(JOURNAL_VERSION, unreadable.tx.gid);
    explain = () => 'It is read.';
    expect(await replica().runOnce()).toBe(1);
    expect(causes()).toEqual([`needs_attention ${tx.gid}`, `needs_attention ${unreadable.tx.gid}`]);
    expect(new Set(receiver.posts.map(({ id }) => id)).size).toBe(2);
  });

  test('replicas with different settings raise one alert for each wait', async () => {
    await stored(confirming());
    const patient = replica({ attentionAfterMs: ATTENTION_AFTER_MS * 100, attemptCount: 1000 });
    for (let pass = 0; pass < 3; pass += 1) {
      await replica().runOnce();
      await patient.runOnce();
    }
    expect(receiver.posts).toHaveLength(1);
  });

  test('replicas that scan at the same time post each cause once', async () => {
    const gids: string[] = [];
    for (let count = 0; count < 20; count += 1) gids.push((await stored(confirming())).tx.gid);
    const replicas = Array.from({ length: 5 }, () => replica());
    for (let pass = 0; pass < 5; pass += 1) await Promise.all(replicas.map((each) => each.runOnce()));
    expect(causes().sort()).toEqual(gids.map((gid) => `needs_attention ${gid}`).sort());
  });

  test('a pass posts a hundred alerts at most, and later passes the rest', async () => {
    const batch = Array.from({ length: 230 }, () => saveOf(null, confirming(), { wakeAt: T0 }));
    expect(await sql.writer.writeBatch(batch)).toEqual({ outcome: 'written' });
    const counts: number[] = [];
    for (let pass = 0; pass < 4; pass += 1) counts.push(await replica().runOnce());
    expect(counts).toEqual([100, 100, 30, 0]);
    expect(new Set(causes()).size).toBe(230);
  });

  test('nothing is left of an alert when its transaction is removed', async () => {
    const saved = await stored(confirming());
    await replica().runOnce();
    await stored(allReplied(saved.tx, 'succeeded'), saved);
    expect(await sql.store.removeFinished(saved.tx.deadlineAt + 1, 10)).toBe(1);
    expect(await rowCount()).toBe(0);
  });

  const rowCount = async (): Promise<number> => {
    const [{ count }] = await sql.dataSource.query('SELECT COUNT(*) AS count FROM alert');
    return Number(count);
  };
}

// ── Transactions ─────────────────────────────────────────────────────────────────────────────────────────────

const now = { earliest: T0, latest: T0 };
const heard = { result: null, answer: '200', durationMs: 10, retryAfterMs: null, chance: 0.5 };

/** Its tries have succeeded. */
const confirming = (): GlobalTransaction => allReplied(newTransaction(newGid()), 'succeeded');

const withCallback = (): GlobalTransaction => ({
  ...newTransaction(newGid()),
  callback: { participant: 'shop', activity: 'ended', callTimeoutMs: null },
});

const notified = (tx: GlobalTransaction): GlobalTransaction =>
  told(tx, { type: 'replied', branchId: null, op: 'notify', reply: 'succeeded', ...heard, now });

function withLateSuccess(tx: GlobalTransaction, at: number): GlobalTransaction {
  const late: Event = {
    type: 'replied',
    branchId: 'a',
    op: 'try',
    reply: 'succeeded',
    ...heard,
    now: { earliest: at, latest: at },
  };
  return told(tx, late);
}
