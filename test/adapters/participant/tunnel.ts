/** What a proxy does with a CONNECT that it grants. */
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';

/** Whatever host is asked for is this machine. Each side ends with the other. */
export function tunnel({ url }: IncomingMessage, socket: Socket): void {
  const onwards = connect(Number(url?.split(':')[1]), '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    socket.pipe(onwards).pipe(socket);
  });
  for (const [one, other] of [
    [socket, onwards],
    [onwards, socket],
  ] as const)
    one.on('error', () => {}).on('close', () => other.destroy());
}
