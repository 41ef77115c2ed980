// The participant in each framework, under /tcc, listening on a port of its own; and one route of the application's.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Participant } from '@tercet/sdk';
import { expressParticipant } from '@tercet/sdk/express';
import { fastifyParticipant } from '@tercet/sdk/fastify';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import express from 'express';
import fastify from 'fastify';

export type Mounted = {
  /** Ends in the prefix. */
  readonly url: string;
  readonly server: Server;
  close(): Promise<unknown>;
};

export type Mount = (participant: Participant) => Promise<Mounted>;

const PREFIX = '/tcc';

/** Paths of the application's own: one is of no activity, the other of no op of a branch. */
export const ECHOES = ['/toString/try', '/reserve/notify'] as const;

/** All of them also answer POST to these below /tcc, by the application's own reading of the body as JSON. */
export const MOUNTS: { readonly [framework: string]: Mount } = {
  async fastify(participant) {
    const app = fastify();
    app.register(fastifyParticipant(participant), { prefix: PREFIX });
    for (const path of ECHOES) app.post(`${PREFIX}${path}`, async ({ body }) => body);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { ...listening(app.server), close: () => app.close() };
  },

  async express(participant) {
    const app = express();
    app.use(PREFIX, expressParticipant(participant));
    app.use(express.json());
    for (const path of ECHOES)
      app.post(`${PREFIX}${path}`, (request, response) => void response.json(request.body));
    return listen(createServer(app));
  },

  async 'node:http'(participant) {
    const serve = nodeHttpParticipant(participant);
    const server = createServer(async (request, response) => {
      const url = request.url ?? '/';
      request.url = url.startsWith(PREFIX) ? url.slice(PREFIX.length) : url;
      if (await serve(request, response)) return;
      const isEcho = request.method === 'POST' && ECHOES.some((path) => path === request.url);
      response.writeHead(isEcho ? 200 : 404);
      response.end(isEcho ? await textOf(request) : undefined);
    });
    return listen(server);
  },
};

/** Only Express, the way a test wants it. */
export const mountedOn = (app: express.Express): Promise<Mounted> => listen(createServer(app));

function listen(server: Server): Promise<Mounted> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(listening(server)));
  });
}

function listening(server: Server): Mounted {
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}${PREFIX}`, server, close };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
