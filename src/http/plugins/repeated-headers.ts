/** Refuses an Idempotency-Key that was sent twice: Node joins the values, and the client sent no such key. */
import type { FastifyInstance } from 'fastify';
import { sendFaults } from '../problem.ts';

const HEADER = 'idempotency-key';

export function refuseRepeatedHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const isJoined = request.headers[HEADER]?.includes(', ') ?? false;
    if (!isJoined || request.raw.headersDistinct[HEADER]?.length === 1) return done();
    sendFaults(reply, [{ header: HEADER, detail: 'is sent more than once' }]);
  });
}
