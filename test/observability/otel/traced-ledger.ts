/** A process that traces: a service that knows nothing of Tercet, and makes a span of each request. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import { startTracing } from '../../../src/observability/otel/start.ts';

const tracing = startTracing(process.env);
const server = createServer((request, response) => {
  const parent = propagation.extract(context.active(), request.headers);
  trace.getTracer('ledger').startSpan(`${request.method} ${request.url}`, {}, parent).end();
  response.end();
}).listen(0, '127.0.0.1');
await once(server, 'listening');

process.once('disconnect', () => void tracing.stop().then(() => process.exit(0)));
process.send?.({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
