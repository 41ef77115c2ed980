/**
 * A participant in Fastify, 5 or later:
 *
 *   app.register(fastifyParticipant(participant), { prefix: '/tcc' });
 *
 * Bodies are taken as they come, whatever content type they say: signatures are over the bytes. A content type
 * that is none, such as `json`, Fastify answers 415 itself, before anything of this runs. How bodies are parsed
 * in the rest of the application stays as it is.
 */
import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import { bodyTooLarge, MAX_BODY_BYTES } from './answers.ts';
import type { Mountable, ParticipantAnswer } from './mountable.ts';
import { textOf } from './request-body.ts';
import { pathOf } from './route.ts';

export function fastifyParticipant(participant: Mountable): FastifyPluginAsync {
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) =>
      done(null, body),
    );
    app.setErrorHandler<Error & { readonly code?: string }>((error, _request, reply) => {
      // Everything else is the application's, such as an error of one of its hooks.
      if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error;
      return send(reply, bodyTooLarge());
    });
    for (const route of participant.routes) {
      const path = pathOf(route);
      app.post<{ Body: Uint8Array | undefined }>(path, async ({ method, headers, body }, reply) => {
        const read = textOf(body ?? new Uint8Array());
        if (read.state === 'unreadable') return send(reply, read.answer);
        const answer = await participant.handle({ method, path, headers, body: read.text });
        return answer === null ? reply.callNotFound() : send(reply, answer);
      });
    }
  };
}

function send(reply: FastifyReply, { status, headers, body }: ParticipantAnswer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
