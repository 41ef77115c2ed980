/** Journal rows of earlier programs: what they did not know, and what a row needs of its readers. */
import { describe, expect, test } from '@jest/globals';
import {
  type Entries,
  entriesBetween,
  OLDEST_READ_VERSION,
  readCall,
  readPolicy,
  readRows,
  rebuild,
  versionNeededBy,
} from '../../src/application/journal.ts';
import { type Call, DEFAULT_POLL_BUDGET_MS, DEFAULT_RETRY_BUDGET_MS } from '../../src/domain/index.ts';
import { eventsView } from '../../src/api/events-view.ts';
import { policy } from '../support/saves.ts';
import { begin, confirming, exactly, replied, T0, told } from '../support/transactions.ts';

/** As a program wrote it that knew neither budgets in time nor acceptance. */
function ofOld(call: Call): Call {
  const { spentMs: _spentMs, acceptedAt: _acceptedAt, ...rest } = call;
  return rest as Call;
}

const policyInCalls = {
  ...policy,
  retry: { firstDelayMs: 1, maxDelayMs: 2, budget: 15 },
  poll: { firstDelayMs: 3, maxDelayMs: 4, budget: 100 },
};

describe('a policy with budgets in calls', () => {
  test('gets the default budgets in time', () => {
    expect(readPolicy(policyInCalls as never)).toEqual({
      ...policy,
      retry: { firstDelayMs: 1, maxDelayMs: 2, budgetMs: DEFAULT_RETRY_BUDGET_MS },
      poll: { firstDelayMs: 3, maxDelayMs: 4, budgetMs: DEFAULT_POLL_BUDGET_MS },
    });
  });

  test('is that of the transaction that is rebuilt from its begin', () => {
    const entries = entriesBetween(null, begin({ policy: policyInCalls as never })) ?? {};
    expect(rebuild('g-1', [{ entries }]).policy.retry.budgetMs).toBe(DEFAULT_RETRY_BUDGET_MS);
  });
});

test('a policy with budgets in time is read as it is', () => {
  expect(readPolicy(policy)).toEqual(policy);
});

describe('a call that an earlier program wrote', () => {
  const accepted = told(
    confirming(),
    replied('stock', 'confirm', 'unknown', { durationMs: 40 }),
    replied('stock', 'confirm', 'ongoing', { now: exactly(T0 + 5) }),
  );
  const known = accepted.branches[0]!.phaseTwo;
  /** After the begin and these; then the other program heard the next reply. */
  const rowsBefore = [
    { entries: entriesBetween(null, confirming()) ?? {} },
    { entries: entriesBetween(confirming(), accepted) ?? {} },
  ];
  const rowOfOld = (call: Call): { readonly entries: Entries } => {
    return { entries: { branches: [{ branchId: 'stock', phaseTwo: ofOld(call) }] } };
  };

  test('keeps what it had spent and since when it is accepted', () => {
    const next = { ...known, reply: 'unknown' as const, attemptCount: 7 };
    const rebuilt = rebuild('g-1', [...rowsBefore, rowOfOld(next)]);
    expect(rebuilt.branches[0]?.phaseTwo).toMatchObject({
      ...{ attemptCount: 7, spentMs: 40, acceptedAt: T0 + 5, reply: 'unknown' },
    });
  });

  test('has spent nothing and is not accepted where nothing is known of it', () => {
    expect(readCall(ofOld(known))).toMatchObject({ spentMs: 0, acceptedAt: null });
  });

  test('is no longer accepted where a program that knows of it wrote so', () => {
    const retried = { ...known, spentMs: 0, acceptedAt: null };
    expect(readCall(retried, known)).toMatchObject({ spentMs: 0, acceptedAt: null });
  });
});

describe('what a row leaves out of a call', () => {
  const spent = told(confirming(), replied('stock', 'confirm', 'unknown', { durationMs: 40 }));
  const done = told(spent, replied('stock', 'confirm', 'succeeded'));
  const rows = [[null, confirming()] as const, [confirming(), spent] as const, [spent, done] as const].map(
    ([before, after], index) => ({
      ...{ gid: 'g-1', seq: index + 1, at: T0, writer: 'replica-1', version: OLDEST_READ_VERSION },
      entries: entriesBetween(before, after) ?? {},
    }),
  );

  test('is what it has not spent, and that it is not accepted', () => {
    const stored = rows.map(({ entries }) => entries.branches?.map(({ phaseTwo }) => phaseTwo ?? {}) ?? []);
    const [begun, unknown, succeeded] = stored.map((calls) => calls[0]);
    expect(begun).not.toHaveProperty('spentMs');
    expect(begun).not.toHaveProperty('acceptedAt');
    expect(unknown).toHaveProperty('spentMs', 40);
    expect(succeeded).toHaveProperty('spentMs', 0);
    expect(succeeded).not.toHaveProperty('acceptedAt');
  });

  test('is read with it', () => {
    const read = readRows(rows).map(({ entries }) => entries.branches?.[0]?.phaseTwo?.spentMs);
    expect(read).toEqual([0, 40, 0]);
    expect(rebuild('g-1', rows).branches.map(({ phaseTwo }) => phaseTwo)).toEqual(
      done.branches.map(({ phaseTwo }) => phaseTwo),
    );
  });

  test('does not keep the events from being shown', () => {
    const [begun, , succeeded] = eventsView(rows).events.map(({ changes }) => changes.branches?.[0]);
    expect(begun?.try).toMatchObject({ acceptedAt: null });
    expect(succeeded?.confirm).toMatchObject({ reply: 'succeeded', acceptedAt: null });
  });
});

test('neither budgets in time nor acceptance keep a row from the version before', () => {
  const accepted = told(confirming(), replied('stock', 'confirm', 'ongoing'));
  for (const entries of [entriesBetween(null, begin()), entriesBetween(confirming(), accepted)])
    expect(versionNeededBy(entries ?? {})).toBe(OLDEST_READ_VERSION);
});
