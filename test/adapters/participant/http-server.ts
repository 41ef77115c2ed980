/** Real servers for the participant client: one that answers as the test says, and one that speaks raw bytes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

export type Received = {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

export type Participant = {
  readonly url: string;
  readonly received: Received[];
  close(): Promise<void>;
};

export async function participantThat(
  answer: (response: ServerResponse, received: Received) => void,
): Promise<Participant> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const body = (await buffer(request)).toString();
    const { method, url, headers } = request;
    const one = { method, url, headers, body };
    received.push(one);
    answer(response, one);
  });
  return { ...(await listening(server)), received };
}

/** Hands over each connection as it comes, with the head of each request on it. */
export async function rawParticipantThat(
  hears: (socket: Socket, text: string) => void,
): Promise<Participant> {
  const received: Received[] = [];
  const server = createRawServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received.push({ method: undefined, url: undefined, headers: {}, body: chunk.toString() });
      hears(socket, chunk.toString());
    });
  });
  return { ...(await listening(server)), received };
}

export async function listening(server: Server) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
