/** `npm run migrate`: brings the schema of TERCET_DATABASE_URL up to date, and says of which database, and what it did. */
import { migrate, openDataSource } from './adapters/sql/data-source.ts';
import { waitForDatabase } from './adapters/sql/wait-for-database.ts';
import { systemClock } from './adapters/system.ts';
import { databaseTlsOf, environment, readSettings, shownUrl, UnusableSettings } from './environment.ts';
import { reasonOf } from './wire/error-fields/fields.ts';
import { exitOnEarlySignals } from './observability/early-signals.ts';
import { exitOnStrayErrors } from './observability/stray-errors.ts';

const FAILED = 'migration failed';

exitOnEarlySignals();
exitOnStrayErrors(FAILED);
try {
  const settings = readSettings(environment, { serves: false });
  const database = shownUrl(settings.databaseUrl);
  try {
    const { databaseUrl, tablePrefix } = settings;
    const open = () => openDataSource(databaseUrl, databaseTlsOf(settings), { tablePrefix });
    const onWaiting = (error: Error) =>
      void process.stderr.write(
        `${database} cannot be reached yet: waiting up to ${settings.databaseWaitMs} ms: ${reasonOf(error)}\n`,
      );
    const dataSource = await waitForDatabase(open, {
      waitMs: settings.databaseWaitMs,
      clock: systemClock,
      onWaiting,
    });
    const ran = await migrate(dataSource);
    await dataSource.destroy();
    const did = ran.length > 0 ? `ran ${ran.join(', ')}` : 'the schema is up to date';
    process.stdout.write(`${database}: ${did}\n`);
  } catch (error) {
    throw new Error(`the database of TERCET_DATABASE_URL, ${database}`, { cause: error });
  }
} catch (error) {
  const reason = error instanceof UnusableSettings ? error.message : reasonOf(error);
  process.stderr.write(`${FAILED}: ${reason}\n`);
  process.exit(1);
}
