/**
 * The composition root: settings → adapters → engine → HTTP, and the signals that end it. The only file that builds
 * everything; "who provides this?" is answered here.
 */
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { AlertWebhook } from './adapters/alert-webhook.ts';
import type { CredentialsByName } from './adapters/participant/credentials.ts';
import { whyNeverCalled } from './adapters/participant/forbidden-addresses.ts';
import { HttpParticipantClient } from './adapters/participant/http-client.ts';
import type { ProxyParts } from './adapters/participant/proxy.ts';
import { isSqlite, migrate, schemaFault } from './adapters/sql/data-source.ts';
import { SqlAlertStore } from './adapters/sql/alert-rows.ts';
import { databaseIdOf } from './adapters/sql/database-id.ts';
import { durabilityRisks } from './adapters/sql/durability.ts';
import { openStore, type SqlStore } from './adapters/sql/open-store.ts';
import { isUnreachable, waitForDatabase } from './adapters/sql/wait-for-database.ts';
import { MAX_TIMER_MS, systemChance, systemClock } from './adapters/system.ts';
import { BullmqWakeQueue } from './adapters/wake/bullmq.ts';
import { InProcessWakeQueue } from './adapters/wake/in-process.ts';
import { shownRedis } from './adapters/wake/redis-url.ts';
import { Alerts } from './application/alerts.ts';
import { AllowedAddresses } from './application/allowed-addresses.ts';
import { VERSIONS } from './application/journal.ts';
import { Replicas } from './application/replicas.ts';
import { createEngine, type Engine, type EngineSettings } from './application/engine.ts';
import type {
  Log,
  ParticipantRegistry,
  QuarantinedTransaction,
  Time,
  WakeQueue,
} from './application/ports.ts';
import {
  databaseTlsOf,
  environment,
  hostNamesOf,
  listenerTlsOf,
  readSettings,
  shownUrl,
  UnusableSettings,
} from './environment.ts';
import { credentialsReloads, fileReloads } from './file-reload.ts';
import { readCredentials } from './participant-credentials.ts';
import { buildApp } from './http/app.ts';
import { ApiTokens } from './http/plugins/api-tokens.ts';
import { traceUrlOf } from './api/transaction-view.ts';
import { CompletionUrls } from './wire/completion-urls.ts';
import { reasonOf } from './wire/error-fields/fields.ts';
import { createLogger } from './observability/logger.ts';
import { buildOf, Metrics } from './observability/metrics.ts';
import { Outages } from './observability/outages.ts';
import { observers } from './observability/observers.ts';
import { StateLog } from './observability/state-log.ts';
import type { Tracing } from './observability/otel/tracing.ts';
import { exitOnStrayErrors } from './observability/stray-errors.ts';
import { serviceVariablesIn } from './service-variables.ts';
import type { Settings } from './settings.ts';

/**
 * @param tracing null without tracing
 * @param stopExiting is called once signals are handled here
 */
export async function serve(tracing: Tracing | null, stopExiting: () => void): Promise<void> {
  const stopWatching = exitOnStrayErrors(FAILED);
  const takeOver = () => {
    stopWatching();
    stopExiting();
  };
  try {
    await start(readSettings(), tracing, takeOver);
  } catch (error) {
    const reason = error instanceof UnusableSettings ? error.message : reasonOf(error);
    process.stderr.write(`${FAILED}: ${reason}\n`);
    process.exit(1);
  }
}

const { version }: { version: string } = createRequire(import.meta.url)('../package.json');

const USER_AGENT = `tercet/${version}`;

const FAILED = 'tercet could not start';

/** A collector that does not answer must not hold the process: its spans are lost. */
const TRACING_STOP_MS = 2000;

/** @param takeOver is called when errors and signals are handled here */
async function start(settings: Settings, tracing: Tracing | null, takeOver: () => void): Promise<void> {
  const outages = new Outages();
  const logger = createLogger(settings.logLevel, { leavesOut: (error) => outages.counts(error) });
  const log: Log = { error: (what, error) => logger.error({ err: error }, what) };
  const ignored = serviceVariablesIn(environment);
  if (ignored.length > 0)
    logger.info({ variables: ignored }, 'variables that Kubernetes injects for Services are ignored');
  const credentials = await readCredentials(settings.participantCredentialsFile);
  if (credentials.faults.length > 0) throw new UnusableSettings(credentials.faults);
  const credentialsByName = new Map(credentials.credentials);
  const sql = await openDatabase(settings, logger);
  await logRisks(settings, sql, logger);
  const registry = new AllowedAddresses({
    registry: sql.registry,
    allowedHosts: settings.allowedHosts,
    whyNeverCalled,
  });
  const completionUrls = completionUrlsOf(settings);
  const participants = new HttpParticipantClient({
    registry,
    ca: settings.participantCaFile,
    maxIdleConnections: settings.participantConcurrency,
    proxy: proxyOf(settings),
    credentials: credentialsByName,
    completionUrls,
    userAgent: USER_AGENT,
    keepsErrorBodies: settings.keepErrorBodies,
    now: () => sql.time.now().latest,
  });
  const writerId = systemChance.newId();
  const databaseId = await databaseIdOf(sql.dataSource);
  const replicas = new Replicas({
    heartbeats: sql.heartbeats,
    time: sql.time,
    chance: systemChance,
    log,
    id: writerId,
    programVersion: version,
    versions: VERSIONS,
    onWrittenVersion: (journalVersion) =>
      logger.info({ journal_version: journalVersion }, 'journal version that all replicas read'),
  });
  const metrics = new Metrics({
    store: sql.store,
    time: sql.time,
    attentionAfterMs: settings.attentionAfterMs,
    isWakeQueueUp: () => engine.isWakeQueueUp(),
    hasLostCommits: () => engine.hasLostCommits(),
    droppedSpanCount: tracing?.droppedSpanCount ?? (async () => 0),
    isTracing: tracing !== null,
    build: buildOf(version),
  });
  const engine: Engine = createEngine(
    {
      store: sql.store,
      writer: sql.writer,
      resumptions: sql.resumptions,
      registry,
      participants,
      log,
      time: sql.time,
      chance: systemChance,
      writerId,
      journalVersion: () => replicas.writtenVersion,
      wakes: (onWake) => openWakes(settings, { time: sql.time, databaseId, onWake, log, logger }),
      observer: observers([metrics, new StateLog(logger), ...(tracing ? [tracing.tracer] : [])], log),
      ...(tracing && { tracer: tracing.tracer }),
    },
    engineSettingsOf(settings),
  );
  outages.watch({ logger, time: systemClock, check: engine.checkReady, isAway: isUnreachable });
  const apiTokens = new ApiTokens(settings.apiTokens);
  let isDraining = false;
  const app = await buildApp({
    coordinator: engine.coordinator,
    checkReady: engine.checkReady,
    whyNeverCalled,
    isDraining: () => isDraining,
    keepAliveTimeoutMs: settings.keepAliveTimeoutMs,
    hostNames: hostNamesOf(settings),
    tls: listenerTlsOf(settings),
    apiTokens,
    completionUrls,
    maxCallTimeoutMs: settings.maxCallTimeoutMs,
    participantConcurrency: settings.participantConcurrency,
    metrics: (accept) => metrics.scrape(accept),
    trace: tracing?.pluginFor ?? null,
    traceUrlTemplate: settings.traceUrlTemplate,
    logger,
    logsRequests: logger.isLevelEnabled('debug'),
  });
  const surroundings = { time: sql.time, chance: systemChance, log: logger };
  const reloads = [
    ...fileReloads(settings, { ...surroundings, apiTokens, server: app.server }),
    ...credentialsReloads(settings, {
      ...surroundings,
      atStart: credentials,
      use(byName) {
        participants.useCredentials(byName);
        void warnOfUnregistered(byName, registry, logger);
      },
    }),
  ];
  await warnOfUnregistered(credentialsByName, registry, logger);
  const alerting = alertingOf(settings, { sql, engine, metrics, log });
  // npm passes a Ctrl-C on that the terminal has sent already: the second one is the same request, and `delay` bounds it.
  const onSecondSignal = () => {};
  const onSecondError = (err: unknown) =>
    logger.fatal({ err }, 'second unexpected error: tercet stops immediately');
  const stopWithinMs = Math.min(settings.drainMs + settings.shutdownTimeoutMs, MAX_TIMER_MS);
  const closing = { delay: stopWithinMs, logger, onSecondSignal, onSecondError };
  takeOver();
  closeWithGrace(closing, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'unexpected error: tercet stops');
    // Ctrl-C in a terminal waits for no load balancer.
    if (signal === 'SIGTERM' && settings.drainMs > 0) {
      isDraining = true;
      logger.info(
        { drain_ms: settings.drainMs },
        'tercet is draining: /readyz answers 503, requests are still served',
      );
      await delay(settings.drainMs);
    }
    logger.info(
      `tercet is stopping${signal ? `, by ${signal}` : ''}: active transactions are finished or handed over`,
    );
    for (const reload of reloads) reload.stop();
    await app.close();
    alerting?.alerts.stop();
    await engine.stop();
    await replicas.stop();
    await alerting?.webhook.close();
    await participants.close();
    outages.stop();
    await sql.close();
    await Promise.race([tracing?.stop(), delay(TRACING_STOP_MS, undefined, { ref: false })]);
    logger.info('tercet has stopped');
  });
  await replicas.start();
  await app.listen({ host: settings.host, port: settings.port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(`TERCET_PORT ${settings.port} is in use on ${settings.host}`, { cause: error });
  });
  for (const reload of reloads) reload.start();
  engine.sweep.start();
  engine.recovery.start();
  engine.retention.start();
  alerting?.alerts.start();
  const { port } = app.server.address() as { port: number };
  const store = shownUrl(settings.databaseUrl);
  const redis = settings.redisUrl === '' ? 'without Redis' : `woken by ${shownRedis(settings.redisUrl)}`;
  const scheme = listenerTlsOf(settings) === null ? 'http' : 'https';
  logger.info({ port }, `tercet is ready on ${scheme}://${settings.host}:${port}, with ${store}, ${redis}`);
}

/** The embedded database is brought up to date by its only process; a shared one by `npm run migrate`, once. */
async function openDatabase(settings: Settings, logger: Logger): Promise<SqlStore> {
  const { databaseUrl, databaseWaitMs: waitMs, commitTimeoutMs, tablePrefix } = settings;
  const onQuarantined = ({ gid, fault }: QuarantinedTransaction) =>
    logger.error({ gid, fault }, 'transaction quarantined: its stored rows do not add up');
  const tls = databaseTlsOf(settings);
  const open = () => openStore(databaseUrl, commitTimeoutMs, { tls, tablePrefix, onQuarantined });
  const onWaiting = (err: Error) =>
    logger.warn({ err, wait_ms: waitMs }, 'the database cannot be reached yet: waiting for it');
  const sql = await waitForDatabase(open, { waitMs, clock: systemClock, onWaiting }).catch((error: Error) => {
    throw new Error('the database of TERCET_DATABASE_URL cannot be used', { cause: error });
  });
  if (isSqlite(sql.dataSource)) await migrate(sql.dataSource);
  const fault = await schemaFault(sql.dataSource);
  if (fault !== null) throw new Error(fault);
  return sql;
}

/** They may be registered later, or their names may be misspelt. */
async function warnOfUnregistered(
  byName: CredentialsByName,
  registry: ParticipantRegistry,
  logger: Logger,
): Promise<void> {
  for (const participant of byName.keys())
    if ((await registry.find(participant).catch(() => undefined)) === null)
      logger.warn({ participant }, 'credentials of a participant that is not registered');
}

async function logRisks(settings: Settings, { dataSource }: SqlStore, logger: Logger): Promise<void> {
  if (settings.allowAnonymous)
    logger.warn(
      `TERCET_ALLOW_ANONYMOUS: anyone who reaches ${settings.host} may begin, decide and read every transaction`,
    );
  for (const risk of await durabilityRisks(dataSource))
    logger.warn(`acknowledged commits may be lost: ${risk}`);
}

/** Alerts are scanned for more rarely than overdue transactions: they are for people. */
const SWEEPS_PER_ALERT_SCAN = 5;

type AlertingParts = {
  readonly sql: SqlStore;
  readonly engine: Engine;
  readonly metrics: Metrics;
  readonly log: Log;
};

/** Null without a webhook. */
function alertingOf(settings: Settings, { sql, engine, metrics, log }: AlertingParts) {
  if (settings.alertWebhookUrl === '') return null;
  const webhook = new AlertWebhook({
    url: settings.alertWebhookUrl,
    secrets: settings.alertWebhookSecrets,
    userAgent: USER_AGENT,
    now: () => sql.time.now().latest,
    traceUrlOf: (tx) => traceUrlOf(settings.traceUrlTemplate, tx),
  });
  const alerts = new Alerts({
    store: sql.store,
    time: sql.time,
    chance: systemChance,
    log,
    alerts: new SqlAlertStore({ dataSource: sql.dataSource }),
    sender: webhook,
    explain: (tx) => engine.coordinator.explain(tx),
    onPost: (outcome) => metrics.alertPosted(outcome),
    attentionAfterMs: settings.attentionAfterMs,
    attemptCount: settings.alertAfterAttempts,
    everyMs: settings.sweepIntervalMs * SWEEPS_PER_ALERT_SCAN,
  });
  return { alerts, webhook };
}

type WakeParts = {
  readonly time: Time;
  readonly databaseId: string;
  readonly onWake: (gid: string) => void;
  readonly log: Log;
  readonly logger: Logger;
};

/** Without Redis each replica wakes what it carries itself; the sweep finds the rest. */
function openWakes(settings: Settings, { time, databaseId, onWake, log, logger }: WakeParts): WakeQueue {
  const inProcess = new InProcessWakeQueue({ time, onWake });
  if (settings.redisUrl === '') return inProcess;
  return new BullmqWakeQueue({
    redisUrl: settings.redisUrl,
    redisCa: settings.redisCaFile,
    prefix: settings.redisPrefix,
    databaseId,
    time,
    fallback: inProcess,
    onWake,
    log,
    onState: (isUp) => {
      if (isUp) logger.info('Redis wake-up queue is up');
    },
  });
}

/** Null without a public URL. */
const completionUrlsOf = ({ publicUrl, completionSecrets: secrets }: Settings): CompletionUrls | null =>
  publicUrl === '' ? null : new CompletionUrls({ publicUrl, secrets });

/** Null for direct connections. */
const proxyOf = ({ httpProxy: url, noProxy: except, allowedHosts }: Settings): ProxyParts | null =>
  url === '' ? null : { url, except, allowedHosts };

const DAY_MS = 86_400_000;

const engineSettingsOf = (settings: Settings): EngineSettings => ({
  policy: {
    callTimeoutMs: settings.callTimeoutMs,
    retry: {
      firstDelayMs: settings.retryFirstDelayMs,
      maxDelayMs: settings.retryMaxDelayMs,
      budgetMs: settings.retryBudgetMs,
    },
    poll: {
      firstDelayMs: settings.pollFirstDelayMs,
      maxDelayMs: settings.pollMaxDelayMs,
      budgetMs: settings.pollBudgetMs,
    },
    maxRetryAfterMs: settings.maxRetryAfterMs,
  },
  maxPolicy: {
    callTimeoutMs: settings.maxCallTimeoutMs,
    retryDelayMs: settings.maxRetryDelayMs,
    retryBudgetMs: settings.maxRetryBudgetMs,
  },
  gate: {
    concurrency: settings.participantConcurrency,
    failureCount: settings.circuitFailureCount,
    firstOpenMs: settings.circuitFirstOpenMs,
    maxOpenMs: settings.circuitMaxOpenMs,
  },
  defaultTimeoutMs: settings.defaultTimeoutMs,
  maxTimeoutMs: settings.maxTimeoutMs,
  commitTimeoutMs: settings.commitTimeoutMs,
  sweepIntervalMs: settings.sweepIntervalMs,
  maxActiveTransactions: settings.maxActiveTransactions,
  retentionMs: settings.retentionDays * DAY_MS,
  attentionAfterMs: settings.attentionAfterMs,
});
