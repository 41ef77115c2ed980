/**
 * The span sink of the benchmark, in a process of its own: takes spans by OTLP over HTTP, counts them and discards them. It
 * stands in for a collector, so it reads no more of a request than the count needs.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spanCountOf } from './span-count.ts';

let spanCount = 0;

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  spanCount += spanCountOf(Buffer.concat(chunks));
  // An empty body is the whole answer in protobuf.
  response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
}).listen(0, '127.0.0.1');
await once(server, 'listening');

process.on('message', () => process.send?.({ spanCount }));
process.send?.({ port: (server.address() as AddressInfo).port });
