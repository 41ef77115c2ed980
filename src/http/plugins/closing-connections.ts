/**
 * While the server drains or closes, each answer closes its connection. A client that kept it open would keep the server from
 * closing, or send its next request just as the server closes the connection.
 */
import type { FastifyInstance } from 'fastify';

/** @param isDraining true once the process stops, while requests are still served */
export function closeConnectionsWhenClosing(app: FastifyInstance, isDraining: () => boolean): void {
  let isClosing = false;
  app.addHook('preClose', (done) => {
    isClosing = true;
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (isClosing || isDraining()) reply.header('connection', 'close');
    done();
  });
}
