/**
 * The participants of the benchmark, in a process of their own: two addresses, each of which answers 200 to every call at
 * once and does nothing. How much work a participant has is no matter of the coordinator's.
 */
import { createServer } from 'node:net';
import { eachMessage } from './http-frame.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';

function listen(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on(
      'data',
      eachMessage(() => socket.write(ANSWER, 'latin1')),
    );
    // A coordinator that is stopped closes its connections as it likes.
    socket.on('error', () => socket.destroy());
  });
  return new Promise((resolve) =>
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () =>
      resolve((server.address() as { port: number }).port),
    ),
  );
}

process.send?.({ ports: [await listen(), await listen()] });
