/** The only bodies that are taken: JSON, read exactly. An empty body is none, whatever its content type says. */
import type { FastifyInstance } from 'fastify';
import { readExactJson } from '../exact-json.ts';

/** A transaction of 1 MiB of payloads, and room for what is around them. */
export const MAX_BODY_BYTES = 1.5 * 1024 * 1024;

export function takeOnlyJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : readExactJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}
