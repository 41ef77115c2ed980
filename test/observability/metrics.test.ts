/** What is counted, and what is read from the store. */
import { describe, expect, test } from '@jest/globals';
import type { Unfinished } from '../../src/application/ports.ts';
import { JOURNAL_VERSION } from '../../src/application/journal.ts';
import { runtimeMetrics } from '../../src/observability/catalogue.ts';
import { buildOf } from '../../src/observability/metrics.ts';
import { MAX_PARTICIPANT_LABELS } from '../../src/observability/participant-labels.ts';
import { PATIENCE_MS } from '../../src/observability/unfinished-reader.ts';
import {
  begin,
  cancelled,
  cancelling,
  confirmed,
  confirming,
  exactly,
  replied,
  spec,
  T0,
  told,
} from '../support/transactions.ts';
import { measured, nothingUnfinished } from './scraped.ts';

const call = {
  participant: 'inventory',
  op: 'try',
  reply: 'succeeded',
  durationMs: 20,
  sampledTraceId: null,
} as const;

describe('transactions', () => {
  test('are counted when they are removed, as many as there were', async () => {
    const { metrics, scraped } = measured();
    expect((await scraped()).value('tercet_transactions_removed_total')).toBe(0);
    metrics.removed(100);
    metrics.removed(7);
    expect((await scraped()).value('tercet_transactions_removed_total')).toBe(107);
  });

  test('are counted when they begin and when they end, by their outcome, and at no other save', async () => {
    const { metrics, scraped } = measured();
    metrics.saved(null, begin());
    metrics.saved(begin(), confirming());
    metrics.saved(confirming(), confirmed());
    metrics.saved(null, begin());
    metrics.saved(begin(), cancelling());
    metrics.saved(cancelling(), cancelled());
    const { value } = await scraped();
    expect(value('tercet_transactions_started_total')).toBe(2);
    expect(value('tercet_transactions_finished_total{outcome="confirmed"}')).toBe(1);
    expect(value('tercet_transactions_finished_total{outcome="cancelled"}')).toBe(1);
    expect(value('tercet_transaction_duration_seconds_count{outcome="confirmed"}')).toBe(1);
  });

  test('that are sagas are counted with the rest, and a notice of their end is no second end', async () => {
    const { metrics, scraped } = measured();
    const callback = { participant: 'billing', activity: 'orders', callTimeoutMs: null };
    const step = { dependsOn: [], isPivot: false, isCompensated: true, references: [] };
    const begun = begin({ pattern: 'saga', callback, branches: [spec('stock', { step })] });
    const ended = told(begun, replied('stock', 'action', 'succeeded'));
    const heard = told(ended, { ...replied('', 'notify', 'succeeded'), branchId: null });
    metrics.saved(null, begun);
    metrics.saved(begun, ended);
    metrics.saved(ended, heard);
    const { value } = await scraped();
    expect(value('tercet_transactions_started_total')).toBe(1);
    expect(value('tercet_transactions_finished_total{outcome="confirmed"}')).toBe(1);
    expect(value('tercet_transaction_duration_seconds_count{outcome="confirmed"}')).toBe(1);
  });

  test('that begin and end in one save are counted as both', async () => {
    const { metrics, scraped } = measured();
    const ended = told(begin({ mode: 'interactive' }), { type: 'cancelRequested', now: exactly(T0 + 1) });
    metrics.saved(null, ended);
    const { value } = await scraped();
    expect(value('tercet_transactions_started_total')).toBe(1);
    expect(value('tercet_transactions_finished_total{outcome="cancelled"}')).toBe(1);
  });

  test('that change after their end do not end again', async () => {
    const { metrics, scraped } = measured();
    const ended = told(
      cancelling(),
      replied('stock', 'cancel', 'succeeded'),
      replied('money', 'cancel', 'succeeded'),
    );
    metrics.saved(ended, told(ended, replied('money', 'try', 'succeeded')));
    expect((await scraped()).seriesOf('tercet_transactions_finished_total')).toEqual([]);
  });

  test('last from their begin to their end, in seconds', async () => {
    const { metrics, scraped } = measured();
    const now = exactly(T0 + 1500);
    metrics.saved(
      confirming(),
      told(
        confirming(),
        replied('stock', 'confirm', 'succeeded', { now }),
        replied('money', 'confirm', 'succeeded', { now }),
      ),
    );
    const { value } = await scraped();
    expect(value('tercet_transaction_duration_seconds_sum{outcome="confirmed"}')).toBe(1.5);
    expect(value('tercet_transaction_duration_seconds_bucket{le="1",outcome="confirmed"}')).toBe(0);
    expect(value('tercet_transaction_duration_seconds_bucket{le="2.5",outcome="confirmed"}')).toBe(1);
  });
});

describe('from decision to end', () => {
  const DECIDED_MS = 2000;

  const decided = () => {
    const now = exactly(T0 + DECIDED_MS);
    return told(
      begin(),
      replied('stock', 'try', 'succeeded', { now }),
      replied('money', 'try', 'succeeded', { now }),
    );
  };

  const endedAfter = (sinceDecisionMs: number) => {
    const now = exactly(T0 + DECIDED_MS + sinceDecisionMs);
    return told(
      decided(),
      replied('stock', 'confirm', 'succeeded', { now }),
      replied('money', 'confirm', 'succeeded', { now }),
    );
  };

  test('is the time since the decision, by outcome, with a bucket at 60 s for the objective', async () => {
    const { metrics, scraped } = measured();
    metrics.saved(decided(), endedAfter(60_000));
    metrics.saved(decided(), endedAfter(60_001));
    const { value } = await scraped();
    const buckets = 'tercet_decision_to_end_seconds_bucket';
    expect(value(`${buckets}{le="30",outcome="confirmed"}`)).toBe(0);
    expect(value(`${buckets}{le="60",outcome="confirmed"}`)).toBe(1);
    expect(value(`${buckets}{le="120",outcome="confirmed"}`)).toBe(2);
    expect(value('tercet_decision_to_end_seconds_sum{outcome="confirmed"}')).toBeCloseTo(120.001);
  });

  test('is observed once, at the end', async () => {
    const { metrics, scraped } = measured();
    const ended = endedAfter(5000);
    metrics.saved(null, begin());
    metrics.saved(begin(), decided());
    metrics.saved(decided(), ended);
    metrics.saved(ended, ended);
    expect((await scraped()).value('tercet_decision_to_end_seconds_count{outcome="confirmed"}')).toBe(1);
  });
});

test('completions from outside are counted by participant, op and reply, and are no calls', async () => {
  const { metrics, scraped } = measured();
  for (const reply of ['succeeded', 'succeeded', 'refused'] as const)
    metrics.completed(begin(), { branchId: 'stock', op: 'try', reply, at: T0 });
  const { value, seriesOf } = await scraped();
  const labels = 'participant="inventory",op="try"';
  expect(value(`tercet_branch_completions_total{${labels},reply="succeeded"}`)).toBe(2);
  expect(value(`tercet_branch_completions_total{${labels},reply="refused"}`)).toBe(1);
  expect(seriesOf('tercet_call_attempts_total')).toEqual([]);
});

describe('calls', () => {
  test('are counted by participant, op and reply, and last seconds', async () => {
    const { metrics, scraped } = measured();
    metrics.called(call);
    metrics.called(call);
    metrics.called({ ...call, reply: 'unknown', durationMs: 2000 });
    metrics.called({ ...call, op: 'cancel' });
    const { value } = await scraped();
    const labels = 'participant="inventory",op="try"';
    expect(value(`tercet_call_attempts_total{${labels},reply="succeeded"}`)).toBe(2);
    expect(value(`tercet_call_attempts_total{${labels},reply="unknown"}`)).toBe(1);
    expect(value(`tercet_call_duration_seconds_count{${labels}}`)).toBe(3);
    expect(value(`tercet_call_duration_seconds_sum{${labels}}`)).toBeCloseTo(2.04);
  });

  test('of sagas and of callbacks are counted by their own ops', async () => {
    const { metrics, scraped } = measured();
    for (const op of ['action', 'compensate', 'notify'] as const) metrics.called({ ...call, op });
    const { value } = await scraped();
    for (const op of ['action', 'compensate', 'notify'])
      expect(value(`tercet_call_attempts_total{participant="inventory",op="${op}",reply="succeeded"}`)).toBe(
        1,
      );
  });

  test('of raw addresses share one label', async () => {
    const { metrics, scraped } = measured();
    for (let port = 1; port <= 50; port += 1)
      metrics.called({ ...call, participant: `http://user:secret@host:${port}/a` });
    metrics.called({ ...call, participant: 'https-gateway' });
    const { value, seriesOf } = await scraped();
    expect(seriesOf('tercet_call_attempts_total')).toHaveLength(2);
    expect(value('tercet_call_attempts_total{participant="(address)",op="try",reply="succeeded"}')).toBe(50);
  });

  test('of more participants than the limit share one label, and the first ones keep theirs', async () => {
    const { metrics, scraped } = measured();
    for (let i = 0; i < MAX_PARTICIPANT_LABELS + 50; i += 1)
      metrics.called({ ...call, participant: `participant-${i}` });
    metrics.called({ ...call, participant: 'participant-0' });
    const { value, seriesOf } = await scraped();
    expect(seriesOf('tercet_call_attempts_total')).toHaveLength(MAX_PARTICIPANT_LABELS + 1);
    expect(value('tercet_call_attempts_total{participant="(other)",op="try",reply="succeeded"}')).toBe(50);
    expect(value('tercet_call_attempts_total{participant="participant-0",op="try",reply="succeeded"}')).toBe(
      2,
    );
  });
});

test('from its first call on, a participant has a circuit and a count of successes for the op', async () => {
  const { metrics, scraped } = measured();
  metrics.called({ ...call, op: 'cancel', reply: 'unknown' });
  const { value, seriesOf } = await scraped();
  expect(value('tercet_circuit_state{participant="inventory"}')).toBe(0);
  expect(value('tercet_call_attempts_total{participant="inventory",op="cancel",reply="succeeded"}')).toBe(0);
  expect(seriesOf('tercet_call_attempts_total')).toHaveLength(2);
});

test('a call does not close an open circuit', async () => {
  const { metrics, scraped } = measured();
  metrics.circuitChanged('inventory', 'open');
  metrics.called(call);
  expect((await scraped()).value('tercet_circuit_state{participant="inventory"}')).toBe(2);
});

test('a circuit is 0 closed, 1 half-open, 2 open', async () => {
  const { metrics, scraped } = measured();
  const states = [];
  for (const state of ['open', 'half-open', 'closed'] as const) {
    metrics.circuitChanged('inventory', state);
    states.push((await scraped()).value('tercet_circuit_state{participant="inventory"}'));
  }
  expect(states).toEqual([2, 1, 0]);
});

test('an address whose circuit closes does not hide another that is open', async () => {
  const { metrics, scraped } = measured();
  const state = async () => (await scraped()).value('tercet_circuit_state{participant="(address)"}');
  metrics.circuitChanged('http://one', 'open');
  metrics.circuitChanged('http://other', 'open');
  metrics.circuitChanged('http://other', 'closed');
  expect(await state()).toBe(2);
  metrics.circuitChanged('http://one', 'closed');
  expect(await state()).toBe(0);
});

test('commits are counted by how many saves they carry', async () => {
  const { metrics, scraped } = measured();
  for (const saveCount of [1, 3, 256]) metrics.committed(saveCount);
  const { value } = await scraped();
  expect(value('tercet_commit_batch_size_sum')).toBe(260);
  expect(value('tercet_commit_batch_size_bucket{le="4"}')).toBe(2);
  expect(value('tercet_commit_batch_size_bucket{le="256"}')).toBe(3);
});

test('the queue that wakes is 1 while it is there', async () => {
  const { wakes, scraped } = measured();
  expect((await scraped()).value('tercet_wake_queue_up')).toBe(1);
  wakes.areWhole = false;
  expect((await scraped()).value('tercet_wake_queue_up')).toBe(0);
});

test('lost commits are 1 once the database lacks what it acknowledged', async () => {
  const { database, scraped } = measured();
  expect((await scraped()).value('tercet_store_lost_commits')).toBe(0);
  database.hasLostCommits = true;
  expect((await scraped()).value('tercet_store_lost_commits')).toBe(1);
});

test('the build has the versions of program, Node and journal', async () => {
  const { value } = await measured().scraped();
  const labels = 'version="1.2.3",node_version="v24.0.0",journal_version="2"';
  expect(value(`tercet_build_info{${labels}}`)).toBe(1);
  expect(buildOf('1.2.3')).toEqual({
    version: '1.2.3',
    node_version: process.version,
    journal_version: String(JOURNAL_VERSION),
  });
});

test('the process and Node are measured under the names of the catalogue', async () => {
  const { types, value } = await measured().scraped();
  expect(Object.values(runtimeMetrics).filter((name) => !types.has(name))).toEqual([]);
  expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(0);
});

describe('what the store is asked', () => {
  const unfinished: Unfinished = {
    countByStatus: { trying: 3, confirming: 1 },
    parkedCount: 1,
    quarantinedCount: 0,
    attentionCount: 2,
    oldestBeganAt: T0 - 90_000,
    oldestWakeAt: T0 - 2500,
  };
  const stored = [
    'tercet_transactions_in_flight',
    'tercet_transactions_parked',
    'tercet_transactions_needing_attention',
    'tercet_oldest_unfinished_transaction_age_seconds',
    'tercet_wake_lag_seconds',
  ];

  test('is told as it stands: by status, parked, the oldest, the most overdue', async () => {
    const { value } = await measured(async () => unfinished).scraped();
    expect(value('tercet_transactions_in_flight{status="trying"}')).toBe(3);
    expect(value('tercet_transactions_in_flight{status="confirming"}')).toBe(1);
    expect(value('tercet_transactions_parked')).toBe(1);
    expect(value('tercet_transactions_needing_attention')).toBe(2);
    expect(value('tercet_oldest_unfinished_transaction_age_seconds')).toBe(90);
    expect(value('tercet_wake_lag_seconds')).toBe(2.5);
  });

  test('is 0 where there is none, and a look that is still to come is no lag', async () => {
    const { value } = await measured(async () => ({ ...nothingUnfinished, oldestWakeAt: T0 + 1 })).scraped();
    expect(value('tercet_transactions_parked')).toBe(0);
    expect(value('tercet_oldest_unfinished_transaction_age_seconds')).toBe(0);
    expect(value('tercet_wake_lag_seconds')).toBe(0);
  });

  test('is 0, not the old number, for a status that nothing has any more', async () => {
    let answer = unfinished;
    const { time, scraped } = measured(async () => answer);
    await scraped();
    answer = { ...unfinished, countByStatus: { trying: 1 } };
    time.nowMs += 1000;
    expect((await scraped()).value('tercet_transactions_in_flight{status="confirming"}')).toBe(0);
  });

  test('is absent while the store fails, the rest is told, and it comes back', async () => {
    let isAway = false;
    const { metrics, time, scraped } = measured(async () => {
      if (isAway) throw new Error('away');
      return unfinished;
    });
    metrics.committed(1);
    await scraped();
    isAway = true;
    time.nowMs += 1000;
    const meanwhile = await scraped();
    expect(stored.flatMap(meanwhile.seriesOf)).toEqual([]);
    expect(meanwhile.value('tercet_commit_batch_size_count')).toBe(1);
    isAway = false;
    time.nowMs += 1000;
    const after = await scraped();
    expect(stored.filter((name) => after.seriesOf(name).length === 0)).toEqual([]);
  });

  test('is asked at most once a second, however many scrape', async () => {
    let askedCount = 0;
    const { time, scraped } = measured(async () => {
      askedCount += 1;
      return unfinished;
    });
    await Promise.all([scraped(), scraped(), scraped()]);
    time.nowMs += 999;
    await scraped();
    expect(askedCount).toBe(1);
    time.nowMs += 1;
    await scraped();
    expect(askedCount).toBe(2);
  });

  test('is waited for only so long, and not asked again before the store has answered', async () => {
    let askedCount = 0;
    let answer = (_: Unfinished) => {};
    const { time, scraped } = measured(() => {
      askedCount += 1;
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    const impatient = async () => {
      const scrape = scraped();
      time.pass(PATIENCE_MS);
      return scrape;
    };
    expect(stored.flatMap((await impatient()).seriesOf)).toEqual([]);
    time.nowMs += 60_000;
    expect(stored.flatMap((await impatient()).seriesOf)).toEqual([]);
    expect(askedCount).toBe(1);
    answer(unfinished);
    expect((await scraped()).value('tercet_transactions_parked')).toBe(1);
    expect(time.timerCount).toBe(0);
  });
});
