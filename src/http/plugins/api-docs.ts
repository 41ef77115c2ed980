/** `/openapi.json`, made from the same schemas that validate, and `/docs`, the page that shows it. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { withNamedSchemas } from './named-schemas.ts';

/**
 * To be awaited before the first route: it sees only the routes that come after it.
 * @param given.asksForToken whether requests have to bring a token
 */
export async function describeApi(
  app: FastifyInstance,
  { asksForToken }: { asksForToken: boolean },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tercet',
        description:
          'A coordinator of TCC transactions and sagas: several services apply a change together, or none does.',
        version: '1',
      },
      tags: [
        { name: 'transactions', description: 'Begin, decide, retry and read global transactions.' },
        { name: 'participants', description: 'The services that take part, by name.' },
        { name: 'health', description: 'Probes.' },
      ],
      ...(asksForToken && {
        components: {
          securitySchemes: {
            token: { type: 'http', scheme: 'bearer' },
            signature: { type: 'apiKey', in: 'query', name: 'signature' },
          },
        },
        security: [{ token: [] }],
      }),
    },
    transformObject: (document) =>
      'openapiObject' in document
        ? withNamedSchemas(withOwnAccess(withOptionalBodies(document.openapiObject)))
        : document.swaggerObject,
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}

type Secured = { security?: unknown[] };
type Body = { required?: boolean; content?: Record<string, { schema?: { type?: string | string[] } }> };
type Paths = Record<string, { post?: { requestBody?: Body } }>;

/** A body that may be null may be left out, which the generator does not see. */
function withOptionalBodies<Document extends { paths?: unknown }>(document: Document): Document {
  for (const { post } of Object.values((document.paths ?? {}) as Paths)) {
    const body = post?.requestBody;
    if (body?.content?.['application/json']?.schema?.type?.includes('null')) body.required = false;
  }
  return document;
}

/** Probes never need the token that everything else may need; a completion may come by a signed URL in its place. */
function withOwnAccess<Document extends { paths?: unknown; security?: unknown }>(
  document: Document,
): Document {
  const paths = (document.paths ?? {}) as Record<string, Partial<Record<'get' | 'post', Secured>>>;
  if (document.security === undefined) return document;
  for (const probe of ['/livez', '/readyz']) if (paths[probe]?.get) paths[probe].get.security = [];
  const completion = paths['/v1/transactions/{gid}/branches/{branchId}/complete']?.post;
  if (completion) completion.security = [{ token: [] }, { signature: [] }];
  return document;
}
