/** HTTP as a function: a question in, an answer out. Everything of node:http that the participants need. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Question = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

export type Answer = { readonly status: number; readonly body: unknown };

export type Handler = (question: Question) => Answer | Promise<Answer>;

const MAX_BODY_BYTES = 64 * 1024;

/** Listens on loopback only. An error of the handler is a 503: whoever asked may ask again. */
export function listen(handler: Handler, port: number): Promise<AddressInfo> {
  const server = createServer(async (request, response) => {
    const answer = await answerTo(request, handler).catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      return { status: 503, body: { detail: String(error) } };
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server.address() as AddressInfo));
  });
}

async function answerTo(request: IncomingMessage, handler: Handler): Promise<Answer> {
  const body = await readBody(request);
  if (body === null) return { status: 413, body: { detail: `at most ${MAX_BODY_BYTES} bytes` } };
  const { method = 'GET', url = '/', headers } = request;
  return handler({ method, path: new URL(url, 'http://shop').pathname, headers, body });
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? null : Buffer.concat(chunks).toString('utf8');
}
