/**
 * The composition root: settings → adapters → engine → HTTP, and the signals that end it. The only file that builds
 * everything; "who provides this?" is answered here.
 */
import closeWithGrace from 'close-with-grace';
import pino from 'pino';
import { HttpParticipantClient } from './adapters/participant/http-client.ts';
import { isSqlite, migrate, pendingMigrations } from './adapters/sql/data-source.ts';
import { openStore, type SqlStore } from './adapters/sql/open-store.ts';
import { systemChance, systemTime } from './adapters/system.ts';
import { InProcessWakeQueue } from './adapters/wake/in-process.ts';
import { createEngine, type EngineSettings } from './application/engine.ts';
import { type Config, readConfig } from './config.ts';
import { buildApp } from './http/app.ts';

async function start(config: Config): Promise<void> {
  const logger = pino({ level: config.logLevel, name: 'tercet' });
  if (config.allowAnonymous)
    logger.warn(
      `TERCET_ALLOW_ANONYMOUS: whoever reaches ${config.host} may begin, decide and see every transaction`,
    );
  const sql = await openStore(config.databaseUrl, config.commitTimeoutMs);
  await refuseOtherSchema(sql);
  const participants = new HttpParticipantClient({ registry: sql.registry });
  const { coordinator, sweep, checkReady, stop } = createEngine(
    {
      ...sql,
      participants,
      wakes: (onWake) => new InProcessWakeQueue({ time: systemTime, onWake }),
      time: systemTime,
      chance: systemChance,
      log: { error: (what, error) => logger.error({ err: error }, what) },
    },
    settingsOf(config),
  );
  const app = await buildApp({
    coordinator,
    registry: sql.registry,
    checkReady,
    logger,
    logsRequests: logger.isLevelEnabled('debug'),
  });
  // npm passes a Ctrl-C on that the terminal has sent already: the second one is the same wish, and `delay` bounds it.
  const onSecondSignal = () => {};
  closeWithGrace({ delay: config.shutdownTimeoutMs, logger, onSecondSignal }, async () => {
    await app.close();
    await stop();
    await participants.close();
    await sql.close();
  });
  await app.listen({ host: config.host, port: config.port });
  sweep.start();
  const { port } = app.server.address() as { port: number };
  logger.info({ port }, `tercet is ready on http://${config.host}:${port}`);
}

/** The embedded database is brought up to date by its only process; a shared one by `npm run migrate`, once. */
async function refuseOtherSchema({ dataSource }: SqlStore): Promise<void> {
  if (isSqlite(dataSource)) await migrate(dataSource);
  const pending = await pendingMigrations(dataSource);
  if (pending > 0) throw new Error(`the database lacks ${pending} migrations: run \`npm run migrate\` first`);
}

const settingsOf = (config: Config): EngineSettings => ({
  policy: {
    callTimeoutMs: config.callTimeoutMs,
    retry: {
      firstDelayMs: config.retryFirstDelayMs,
      maxDelayMs: config.retryMaxDelayMs,
      budget: config.retryBudget,
    },
    poll: {
      firstDelayMs: config.pollFirstDelayMs,
      maxDelayMs: config.pollMaxDelayMs,
      budget: config.pollBudget,
    },
    maxRetryAfterMs: config.maxRetryAfterMs,
  },
  defaultTimeoutMs: config.defaultTimeoutMs,
  maxTimeoutMs: config.maxTimeoutMs,
  commitTimeoutMs: config.commitTimeoutMs,
  sweepIntervalMs: config.sweepIntervalMs,
});

try {
  await start(readConfig());
} catch (error) {
  process.stderr.write(`tercet could not start: ${(error as Error).message}\n`);
  process.exit(1);
}
