// The benchmark with tracing: the sink counts every span of the coordinator, and a run without spans is no result.
import { afterEach, describe, expect, test } from '@jest/globals';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { trace } from '@opentelemetry/api';
import type { AgainstReport } from '../../bench/against.ts';
import { benchProgram, type Child, startChild } from '../../bench/child.ts';
import type { Report } from '../../bench/run.ts';
import { bench } from '../support/bench.ts';

const short = ['--database', 'sqlite', '--redis', 'off', '--clients', '2', '--seconds', '1', '--json'];

describe('the span sink', () => {
  let sink: Child | null = null;
  afterEach(() => sink?.stop());

  test('counts the spans that the default exporter sends, over several requests', async () => {
    sink = startChild(benchProgram('the span sink', 'bench/span-sink.ts'));
    const { port } = await sink.receive<{ port: number }>();
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${port}`;
    const sdk = new NodeSDK({ instrumentations: [], metricReaders: [], logRecordProcessors: [] });
    sdk.start();
    const SPAN_COUNT = 1300;
    for (let index = 0; index < SPAN_COUNT; index += 1)
      trace
        .getTracer('test', '1')
        .startSpan(`span ${index}`, { attributes: { 'tcc.attempt': index, isLast: false, share: 0.5 } })
        .addEvent('an event')
        .end();
    await sdk.shutdown();
    expect(await sink.ask({})).toEqual({ spanCount: SPAN_COUNT });
  });
});

describe('a run with --tracing', () => {
  test('says how many spans the sink received', async () => {
    const { exitCode, stdout, stderr } = await bench(...short, '--rounds', '1', '--tracing', '1');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(/tracing of 1 of the transactions .* received [1-9]\d* spans; \d+ were/),
    });
    const { tracing, acknowledged }: Report = JSON.parse(stdout);
    expect(tracing).toMatchObject({ share: 1, droppedSpanCount: expect.any(Number) });
    // A transaction has more spans than one.
    expect(tracing!.receivedSpanCount + tracing!.droppedSpanCount).toBeGreaterThan(acknowledged);
  });

  test('that traced nothing is reported as wrong', async () => {
    const { exitCode, stdout, stderr } = await bench(
      ...short,
      '--rounds',
      '1',
      '--tracing',
      '0.000000000001',
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining('WRONG: the span sink received no span'),
    });
    expect(JSON.parse(stdout)).toMatchObject({ tracing: { receivedSpanCount: 0, droppedSpanCount: 0 } });
  });

  test('and --against traces this checkout', async () => {
    const { exitCode, stdout, stderr } = await bench(
      ...[...short, '--against', '.', '--pairs', '1', '--tracing', '0.5'],
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(/tracing of 0\.5 of the transactions by this checkout/),
    });
    const { tracing }: AgainstReport = JSON.parse(stdout);
    expect(tracing!.receivedSpanCount).toBeGreaterThan(0);
  });
});
