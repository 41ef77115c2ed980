/**
 * The trace stories: transactions of a coordinator, an initiator and participants that are processes of their own, and the trees of
 * their spans as they are read back. The same text runs against the tests' own receiver and against a Jaeger.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeInPython } from '../../support/in-python.ts';
import { until } from '../../support/until.ts';
import { readOpenMetrics } from '../openmetrics.ts';
import { call, confirmedTree, interactiveTree, line, refusedTree, submitted } from './expected-tree.ts';
import { closeServed, serve } from './served.ts';
import type { TracedSpan, TraceReader } from './trace-reader.ts';
import { traceTexts } from './trace-text.ts';
import { ask, register, type TracedWorld, tracedWorld } from './traced-world.ts';

/** @param show is given the name of each story, and its traces as they were read */
export function traceStories(
  open: () => Promise<TraceReader>,
  show: (story: string, traces: readonly string[]) => void = () => {},
): void {
  let reader: TraceReader;
  let world: TracedWorld;
  beforeAll(async () => {
    reader = await open();
    world = await tracedWorld(reader.collectorUrl);
  });
  afterEach(closeServed);
  afterAll(async () => {
    await world?.close();
    await reader?.close();
  });

  const showAll = (spans: readonly TracedSpan[]) =>
    show(expect.getState().currentTestName ?? '', traceTexts(spans, 'time'));

  /** Waits for the complete tree of the transaction: spans are received in any order. */
  async function expectTree(gid: string | undefined, expected: string): Promise<readonly TracedSpan[]> {
    let spans: readonly TracedSpan[] = [];
    const read = async () => {
      spans = await reader.spansOf(gid ?? '');
      return traceTexts(spans, 'text').join('\n\n');
    };
    // If it never comes, the difference says more than the time limit.
    await until('the tree is complete', async () => (await read()) === expected).catch(() => {});
    expect(await read()).toBe(expected);
    showAll(spans);
    return spans;
  }

  async function spanOf(gid: string, name: string): Promise<TracedSpan> {
    const find = async () => (await reader.spansOf(gid)).find((span) => span.name === name);
    await until(`a span ${name} is received`, async () => (await find()) !== undefined);
    return (await find()) as TracedSpan;
  }

  test('a transaction is one trace: begin, tries, decision, confirms, end', async () => {
    const { gid } = await world.place('confirmed');
    const spans = await expectTree(gid, confirmedTree);
    const path = `/v1/transactions/${gid}`;
    const { traceId, traceUrl } = await ask<Record<string, string>>(world.coordinator, 'GET', path);
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(traceUrl).toBe(`http://jaeger.test/trace/${traceId}`);
  });

  test('the trace of a transaction is an exemplar of its duration and of its calls', async () => {
    const { gid = '' } = await world.place('confirmed');
    const { traceId } = await spanOf(gid, 'tcc finish');
    const answer = await fetch(`${world.coordinator.url}/metrics`, {
      headers: { accept: 'application/openmetrics-text; version=1.0.0' },
    });
    const families = readOpenMetrics(await answer.text());
    const metricsOfTrace = [...families.values()].filter(({ samples }) =>
      samples.some(({ exemplar }) => exemplar?.labels.get('trace_id') === traceId),
    );
    expect(metricsOfTrace.map(({ name }) => name).sort()).toEqual([
      ...['tercet_call_attempts', 'tercet_call_duration_seconds', 'tercet_decision_to_end_seconds'],
      ...['tercet_transaction_duration_seconds', 'tercet_transactions_finished'],
    ]);
  });

  test('an interactive one has the registration and the try of its initiator', async () => {
    const { gid } = await world.place('interactive');
    await expectTree(gid, interactiveTree);
  });

  test('a refusal is named by the decision, which is linked to it, and is no error', async () => {
    const { gid, name } = await world.place('refused');
    expect(name).toBe('TransactionCancelled');
    await expectTree(gid, refusedTree);
  });

  test('a saga that is undone has its actions and compensations', async () => {
    const { gid } = await world.place('undone');
    await expectTree(
      gid,
      submitted(
        'cancelled',
        call('saga action', 'picked', 'done', 'pick'),
        call('saga action', 'packed', 'refused', 'pack'),
        line(
          'tcc decide [tercet] tcc.branch.id=packed tcc.decision=cancel tcc.reason=action_refused ' +
            'linked to (saga action stock of packed)',
        ),
        call('saga compensate', 'packed', 'nothing_to_undo', 'pack'),
        call('saga compensate', 'picked', 'done', 'pick'),
        line('tcc finish [tercet] tcc.status=cancelled'),
      ),
    );
  });

  test('what a killed coordinator left is a trace of its own, linked to the begin', async () => {
    // A call that it left is taken over this much later.
    const soon = { TERCET_CALL_TIMEOUT_MS: '2000', TERCET_COMMIT_TIMEOUT_MS: '1000' };
    const coordinator = await world.startCoordinator('killed.sqlite', soon);
    const confirmReceived = Promise.withResolvers<void>();
    let isDown = true;
    const baseUrl = await serve(({ url = '' }, response) => {
      if (url.endsWith('/confirm') && isDown) confirmReceived.resolve();
      else response.writeHead(200).end();
    });
    await register(coordinator, 'slow', baseUrl);
    const traceparent = `00-${randomBytes(16).toString('hex')}-b7ad6b7169203331-01`;
    const { gid } = await ask<{ gid: string }>(coordinator, 'POST', '/v1/transactions', {
      body: { name: 'order', branches: [{ branchId: 'one', participant: 'slow', activity: 'reserve' }] },
      headers: { traceparent },
    });
    await confirmReceived.promise;
    const begun = await spanOf(gid, 'tcc begin');
    // What is not sent by then is lost.
    await spanOf(gid, 'tcc decide');
    await coordinator.kill();
    isDown = false;
    await coordinator.start();
    const recovered = await spanOf(gid, 'tcc recover');
    expect(recovered.parentSpanId).toBe(null);
    expect(recovered.traceId).not.toBe(begun.traceId);
    expect(recovered.links).toEqual([{ traceId: begun.traceId, spanId: begun.spanId }]);
    await spanOf(gid, 'tcc finish');
    const spans = await reader.spansOf(gid);
    const confirms = spans.filter(
      ({ name, traceId }) => name === 'tcc confirm slow' && traceId === recovered.traceId,
    );
    expect(new Set(confirms.map((span) => span.parentSpanId))).toEqual(new Set([recovered.spanId]));
    showAll(spans);
  });

  describeInPython('a participant in Python', () => {
    test('that passes traceparent on keeps the trace', async () => {
      await world.startPython();
      const { gid } = await world.place('passedOn');
      await expectTree(
        gid,
        submitted(
          'confirmed',
          call('tcc try', 'one', 'passed on'),
          line('tcc decide [tercet] tcc.decision=confirm tcc.reason=all_tries_succeeded'),
          call('tcc confirm', 'one', 'passed on'),
          line('tcc finish [tercet] tcc.status=confirmed'),
        ),
      );
    });
  });
}
