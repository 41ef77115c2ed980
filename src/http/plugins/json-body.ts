/** The only bodies that are taken: JSON, read exactly. An empty body is none, whatever its content type says. */
import type { FastifyInstance } from 'fastify';
import { readExactJson, UnreadableBody } from '../../api/exact-json.ts';

export function takeOnlyJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      refuseEncoding(request.headers['content-encoding']);
      done(null, body.length === 0 ? undefined : readExactJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** To read it as it came would be to misread it. */
function refuseEncoding(encoding: string | undefined): void {
  if (encoding === undefined || encoding === 'identity') return;
  throw new UnreadableBody('unsupported_media_type', `The body is encoded: ${encoding}.`);
}
