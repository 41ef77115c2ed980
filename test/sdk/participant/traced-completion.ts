// Completes a call in a process that traces its HTTP client, and prints its spans and the trace that the coordinator was given.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { accepted, defineContract, defineParticipant } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';

const { NodeSDK } = createRequire(import.meta.url)('@opentelemetry/sdk-node');
const exporter = new InMemorySpanExporter();
new NodeSDK({
  spanProcessors: [new SimpleSpanProcessor(exporter)],
  instrumentations: [new UndiciInstrumentation()],
}).start();

const traceparents: unknown[] = [];
const server = createServer(({ headers }, response) => {
  traceparents.push(headers.traceparent);
  response.writeHead(traceparents.length === 1 ? 503 : 200).end('{}');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

const contract = defineContract('office', { approve: { payload: Type.Unknown() } });
const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
await barrier.createTable();
const participant = defineParticipant(contract, {
  barrier,
  activities: { approve: { accepts: true, try: () => accepted(), confirm() {}, cancel() {} } },
});
const call = {
  gid: '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60',
  branchId: 'one',
  activity: 'approve',
  op: 'try',
  kind: 'tcc',
  deadlineAt: Date.now() + 60_000,
  completionUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/complete?signature=${process.argv[2]}`,
} as const;
await barrier.run(call, () => accepted());
const { notPosted } = await participant.complete(call, null);
const spans = exporter.getFinishedSpans().map((span) => ({
  name: span.name,
  text: JSON.stringify([span.attributes, span.events, span.status]),
  context: `${span.spanContext().traceId}-${span.spanContext().spanId}`,
}));
console.log(JSON.stringify({ notPosted, spans, traceparents }));
process.exit(0);
