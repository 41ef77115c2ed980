/** `npm run migrate`: brings the schema of TERCET_DATABASE_URL up to date, and says what it did. */
import { migrate, openDataSource } from './adapters/sql/data-source.ts';
import { databaseTlsOf, readConfig } from './config.ts';

try {
  const config = readConfig();
  const dataSource = await openDataSource(config.databaseUrl, databaseTlsOf(config));
  const ran = await migrate(dataSource);
  await dataSource.destroy();
  process.stdout.write(ran.length > 0 ? `ran ${ran.join(', ')}\n` : 'the schema is up to date\n');
} catch (error) {
  process.stderr.write(`the schema could not be brought up to date: ${(error as Error).message}\n`);
  process.exit(1);
}
