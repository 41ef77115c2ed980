/**
 * The HTTP shell, put together and not listening: routes over a coordinator that it is given.
 *
 * It translates and decides nothing: requests become the coordinator's questions, its answers become views, and its
 * refusals become problem documents. Who provides what is seen here, in the arguments.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyHttpOptions,
  type FastifyInstance,
  LogController,
  type RawServerDefault,
} from 'fastify';
import { MAX_BODY_BYTES } from '../api/exact-json.ts';
import type { CompletionUrls } from '../wire/completion-urls.ts';
import { type ApiParts, apiRoutes } from '../api/routes.ts';
import { mountRoutes } from './mount.ts';
import { describeApi } from './plugins/api-docs.ts';
import { type ApiTokens, askForToken } from './plugins/api-tokens.ts';
import { closeConnectionsWhenClosing } from './plugins/closing-connections.ts';
import { checkHost } from './plugins/host-check.ts';
import { takeOnlyJson } from './plugins/json-body.ts';
import { type Scrape, serveMetrics } from './plugins/metrics.ts';
import { answerClientError, answerError, answerProblems } from './plugins/problems.ts';
import { refuseRepeatedHeaders } from './plugins/repeated-headers.ts';
import type { App } from './typed-app.ts';

export type AppParts = Pick<
  ApiParts,
  'coordinator' | 'checkReady' | 'maxCallTimeoutMs' | 'participantConcurrency' | 'whyNeverCalled'
> & {
  /** True once the process stops, while requests are still served; never when absent. */
  readonly isDraining?: () => boolean;
  /** How long an idle connection is kept open; the server's own default when absent. */
  readonly keepAliveTimeoutMs?: number;
  readonly metrics: Scrape;
  /** One of these each request has to bring; empty where everyone may come in. */
  readonly apiTokens: ApiTokens;
  /** Names in the Host header that are served next to those of loopback; absent or null where each is. */
  readonly hostNames?: readonly string[] | null;
  /** Certificate and key in PEM, by which HTTPS is served; absent or null for plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  /** The signed URLs by which branches are completed; absent or null where there are none. */
  readonly completionUrls?: CompletionUrls | null;
  /** Makes a span of each request; absent or null without tracing. */
  readonly trace?: ((app: FastifyInstance) => Promise<void>) | null;
  /** Link to a trace, with `{traceId}` in it; absent or empty for none. */
  readonly traceUrlTemplate?: string;
  /** Where failures are told; nowhere when absent. */
  readonly logger?: FastifyBaseLogger;
  /** Also log each request; for looking closely, since it costs a fifth of the throughput. */
  readonly logsRequests?: boolean;
};

export async function buildApp(given: AppParts): Promise<App> {
  const { apiTokens, hostNames = null, completionUrls = null, isDraining = () => false } = given;
  const app = Fastify({ ...serverOptions(given) }).withTypeProvider<TypeBoxTypeProvider>();
  // A client that sends no more is answered all the same.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  // First, so that it covers every route and hook.
  await given.trace?.(app as unknown as FastifyInstance);
  checkHost(app, hostNames);
  askForToken(app, apiTokens, completionUrls);
  refuseRepeatedHeaders(app);
  takeOnlyJson(app);
  answerProblems(app);
  closeConnectionsWhenClosing(app, isDraining);
  await describeApi(app, { asksForToken: !apiTokens.isEmpty });
  const { coordinator, checkReady, maxCallTimeoutMs, participantConcurrency } = given;
  const { whyNeverCalled, traceUrlTemplate = '' } = given;
  const log = { error: (what: string, error: unknown) => app.log.error({ err: error }, what) };
  mountRoutes(
    app,
    apiRoutes({
      coordinator,
      checkReady,
      isDraining,
      maxCallTimeoutMs,
      participantConcurrency,
      whyNeverCalled,
      traceUrlTemplate,
      completionUrls,
      log,
      closing: closingOf(app),
    }),
  );
  serveMetrics(app, given.metrics);
  return app;
}

/** Aborted when the server begins to close. */
function closingOf(app: App): AbortSignal {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  return closing.signal;
}

/** How long a request may take to arrive, headers and body; how long it takes to be answered is not limited here. */
const REQUEST_TIMEOUT_MS = 30_000;

function serverOptions({
  logger,
  logsRequests = false,
  keepAliveTimeoutMs,
  tls = null,
}: AppParts): FastifyHttpOptions<RawServerDefault> {
  const arrival = { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1000 };
  return {
    ...(logger && { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: !logsRequests }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    ...(keepAliveTimeoutMs !== undefined && { keepAliveTimeout: keepAliveTimeoutMs }),
    ...(tls === null
      ? { http: arrival }
      : { https: { ...arrival, ...tls, handshakeTimeout: REQUEST_TIMEOUT_MS } }),
    // Longer than any request line: what is wrong with a name in the path is for its schema to say.
    routerOptions: { maxParamLength: 64 * 1024 },
    // What reaches a closing server on an open connection is served, and the connection closed after it.
    return503OnClosing: false,
    frameworkErrors: answerError,
    clientErrorHandler: answerClientError,
    ajv: { customOptions: STRICT },
  };
}

/**
 * Bodies are taken as they are: nothing is converted, removed or filled in, and an unknown field is refused. The first
 * fault ends the look: to list all of them would let one body make a million.
 */
const STRICT = {
  removeAdditional: false,
  coerceTypes: false,
  useDefaults: false,
  allErrors: false,
  allowUnionTypes: true,
  verbose: true,
} as const;
