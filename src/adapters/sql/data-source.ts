/**
 * Opens the database that TERCET_DATABASE_URL names: `mysql://…`, `mariadb://…` or `sqlite:FILE`.
 *
 * TypeORM owns the connections of the read side, the entity schemas and the migrations; what is written while
 * transactions run goes through a connection of its own (`mysql-batch-writer.ts`, `sqlite-batch-writer.ts`).
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { getCACertificates } from 'node:tls';
import mysql2, { createPool, type Pool, type PoolOptions } from 'mysql2';
import { type Connection, type ConnectionOptions, createConnection, type SslOptions } from 'mysql2/promise';
import { DataSource, type DataSourceOptions, MigrationExecutor, type QueryRunner } from 'typeorm';
import { migrations } from '../../../migrations/index.ts';
import { notOurs, refuseForeign, type Table } from '../../../migrations/create-table.ts';
import { fullName, prefixOf } from '../../../migrations/table-name.ts';
import { ask, MAX_QUESTIONS } from './ask.ts';
import { entities } from './entities.ts';
import { LIMITED, SESSION, UNLIMITED } from './session.ts';
import { breakOff, CONNECT_LIMIT_MS, withinLimit } from './time-limit.ts';

/** A batch of a mebibyte of payloads, quoted, with its journal rows. */
const MIN_PACKET_BYTES = 4 * 1024 * 1024;

/** TypeORM opens a connection and asks for the version before the pool is usable. */
const OPEN_LIMIT_MS = 4 * CONNECT_LIMIT_MS;

/**
 * TLS to MySQL or MariaDB. The server has to prove that it is the host that the URL names, by a certificate of an
 * authority that is trusted; there is no TLS without that, and no falling back to none.
 */
export type DatabaseTls = {
  /** PEM of further authorities to trust, beside the usual ones. */
  readonly ca: string | null;
};

/**
 * @param tls null for none
 * @param more.tablePrefix begins the names of all tables, that of the migrations among them
 */
export async function openDataSource(
  databaseUrl: string,
  tls: DatabaseTls | null = null,
  { tablePrefix = '' }: { readonly tablePrefix?: string } = {},
): Promise<DataSource> {
  const options = databaseUrl.startsWith('sqlite:')
    ? sqliteOptions(databaseUrl.slice('sqlite:'.length))
    : await mysqlOptions(databaseUrl, tls);
  const dataSource = new DataSource({
    ...options,
    entities,
    migrations,
    entityPrefix: tablePrefix,
    migrationsTableName: `${tablePrefix}migration`,
    // TypeORM would log statements with their values.
    logging: false,
  });
  try {
    return await withinLimit(OPEN_LIMIT_MS, dataSource.initialize(), () => {});
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_BUSY')
      throw new Error(inUse(databaseUrl), { cause: error });
    throw error;
  }
}

const inUse = (databaseUrl: string) =>
  `${databaseUrl} is in use by another process: a SQLite file belongs to one; stop it, or use MySQL for several`;

export const isSqlite = (dataSource: DataSource): boolean => dataSource.options.type === 'better-sqlite3';

/**
 * Brings the schema up to date; answers the names of what ran. Replicas that call it together wait for each other.
 *
 * @throws Error for a schema of an unreleased build, and changes nothing
 */
export async function migrate(dataSource: DataSource): Promise<readonly string[]> {
  const runner = dataSource.createQueryRunner();
  if (isSqlite(dataSource)) return runMigrations(dataSource, runner);
  const lock = lockOf(dataSource);
  try {
    await runner.query(UNLIMITED);
    const [{ isLocked }] = await runner.query('SELECT GET_LOCK(?, 60) AS isLocked', [lock]);
    if (Number(isLocked) !== 1) throw new Error(MIGRATES_STILL);
    return await runMigrations(dataSource, runner);
  } finally {
    await runner.query('SELECT RELEASE_LOCK(?)', [lock]);
    await runner.query(LIMITED);
    await runner.release();
  }
}

const MIGRATES_STILL =
  'another migration of tercet has run on this server for 60 s: run this one again once that has ended';

/** Systems with other prefixes do not wait for each other. */
function lockOf(dataSource: DataSource): string {
  const prefix = prefixOf(dataSource);
  return prefix === '' ? 'tercet-migrate' : `tercet-migrate-${prefix}`;
}

async function runMigrations(dataSource: DataSource, runner: QueryRunner): Promise<readonly string[]> {
  await refuseForeign(runner, MIGRATIONS);
  const executor = new MigrationExecutor(dataSource, runner);
  const executed = await executor.getExecutedMigrations();
  if (isUnreleased(executed)) throw new Error(MADE_BY_UNRELEASED);
  if (executed.length > 0 && !executed.some(({ name }) => name === migrations[0]?.name))
    throw new Error(
      notOurs(fullName(dataSource, 'migration'), 'it lists the migrations of another application'),
    );
  return namesOf(await executor.executePendingMigrations());
}

/** The columns that TypeORM gives it. */
const MIGRATIONS: Table = ['migration', 'timestamp bigint,\nname varchar'];

type Named = { readonly name: string };

/** The first migrations of builds before 0.1.0. Columns and fields of journal rows have changed since. */
const UNRELEASED = ['Initial1763683200000', 'InitialSchema1796083200000'];
const MADE_BY_UNRELEASED =
  'the database was made by an unreleased build of tercet: create an empty database and name it in TERCET_DATABASE_URL';

const isUnreleased = (executed: readonly Named[]) => executed.some(({ name }) => UNRELEASED.includes(name));

/** This program runs on with it, although it is newer: see migrations/index.ts. */
const isExpandOnly = (name: string): boolean => /ExpandOnly\d+$/.test(name);

/**
 * Why this code cannot work on the schema of the database, and what to do; null when it can.
 *
 * @throws StoreUnavailable
 */
export const schemaFault = (dataSource: DataSource): Promise<string | null> =>
  ask(dataSource, ({ queryRunner }) => faultBy(dataSource, new MigrationExecutor(dataSource, queryRunner)));

async function faultBy(dataSource: DataSource, executor: MigrationExecutor): Promise<string | null> {
  const executed = await executor.getExecutedMigrations();
  if (isUnreleased(executed)) return MADE_BY_UNRELEASED;
  const pending = await executor.getPendingMigrations();
  const count = pending.length === 1 ? '1 migration' : `${pending.length} migrations`;
  if (pending.length > 0)
    return `the database lacks ${count}${ofTables(dataSource)}: run npm run migrate first`;
  const known = new Set(dataSource.migrations.map(({ name }) => name));
  const strange = executed.filter(({ name }) => !known.has(name) && !isExpandOnly(name));
  if (strange.length === 0) return null;
  return `the database was migrated by a newer version, by ${namesOf(strange).join(', ')}: update this program`;
}

/** A prefix that is another one than the migrations had makes all of them pending. */
const ofTables = (dataSource: DataSource): string =>
  prefixOf(dataSource) === '' ? '' : ` of the tables with the prefix ${prefixOf(dataSource)}`;

/**
 * One connection outside the pool, in the state that every connection of ours is in.
 *
 * @param options.connectTimeout for the handshake, and once more for the settings of the session
 */
export async function openConnection(
  databaseUrl: string,
  options: ConnectionOptions,
  tls: DatabaseTls | null = null,
): Promise<Connection> {
  const all = { ...connectionOptions(databaseUrl, tls), ...options };
  const connection = await createConnection(all).catch((error: Error) =>
    Promise.reject(tls === null ? error : inWordsOfTls(error, databaseUrl)),
  );
  try {
    const settings = Promise.all(SESSION.map((statement) => connection.query(statement)));
    await withinLimit(all.connectTimeout ?? CONNECT_LIMIT_MS, settings, () => {});
  } catch (error) {
    breakOff(connection);
    throw error;
  }
  return connection;
}

const namesOf = (ran: readonly Named[]) => ran.map(({ name }) => name);

function connectionOptions(databaseUrl: string, tls: DatabaseTls | null): ConnectionOptions {
  const url = new URL(databaseUrl);
  return {
    // An IPv6 address has brackets in a URL only.
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: CONNECT_LIMIT_MS,
    ...(tls && { ssl: sslOptions(url.hostname, tls) }),
  };
}

/** The client compares names only: to an IP address it would take the certificate of any `localhost`. */
function sslOptions(host: string, { ca }: DatabaseTls): SslOptions {
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0)
    throw new Error(`TLS needs the name of the database's host, as its certificate has it, and not ${host}`);
  return {
    rejectUnauthorized: true,
    verifyIdentity: true,
    ...(ca && { ca: [...getCACertificates(), ca] }),
  };
}

function inWordsOfTls(error: Error & { code?: string }, databaseUrl: string): Error {
  const { host } = new URL(databaseUrl);
  if (error.code === 'HANDSHAKE_NO_SSL_SUPPORT')
    return new Error(`the database at ${host} does not offer TLS`, { cause: error });
  if (error.code !== 'HANDSHAKE_SSL_ERROR') return error;
  return new Error(
    `the database at ${host} does not prove by its certificate that it is this host: ${error.message}. ` +
      'TERCET_DATABASE_CA_FILE names the authority to trust',
    { cause: error },
  );
}

async function mysqlOptions(databaseUrl: string, tls: DatabaseTls | null): Promise<DataSourceOptions> {
  const { user, ...options } = connectionOptions(databaseUrl, tls);
  return {
    type: await serverType(databaseUrl, tls),
    host: options.host,
    port: options.port,
    username: user,
    password: options.password,
    database: options.database,
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: options.connectTimeout,
    ...(options.ssl && { ssl: options.ssl }),
    poolSize: MAX_QUESTIONS,
    driver: { ...mysql2, createPool: createOurPool },
  } as DataSourceOptions;
}

/**
 * A new connection runs what it is given first before anything else that is asked of it. One that cannot be set, or does not
 * answer, is broken off, and what was asked of it fails: it would write by settings that are not ours.
 */
function createOurPool(options: PoolOptions): Pool {
  const pool = createPool(options);
  pool.on('connection', (connection) => {
    // Without a callback, a refusal would be an error that nothing catches.
    const { stream } = connection as unknown as { readonly stream: Duplex };
    const settings = [...SESSION, LIMITED].map(
      (statement) =>
        new Promise<void>((resolve, reject) => {
          connection.query(statement, (error: Error | null) => (error ? reject(error) : resolve()));
        }),
    );
    // Not the connection's own `destroy`: it would never answer what waits for it.
    withinLimit(CONNECT_LIMIT_MS, Promise.all(settings), () => {}).catch(() => stream.destroy());
  });
  return pool;
}

/** A MariaDB may well be named `mysql://`; TypeORM has to know which of the two it is. */
async function serverType(databaseUrl: string, tls: DatabaseTls | null): Promise<'mysql' | 'mariadb'> {
  const connection = await openConnection(databaseUrl, {}, tls);
  try {
    const asked = connection.query('SELECT VERSION() AS version, @@max_allowed_packet AS packetBytes');
    const [rows] = await withinLimit(CONNECT_LIMIT_MS, asked, () => breakOff(connection));
    const [{ version, packetBytes }] = rows as [{ version: string; packetBytes: number }];
    if (packetBytes < MIN_PACKET_BYTES)
      throw new Error(
        `the server takes packets of ${packetBytes} bytes: set max_allowed_packet to 4M or more`,
      );
    if (await logsStatements(connection)) throw new Error(LOGS_STATEMENTS);
    return version.includes('MariaDB') ? 'mariadb' : 'mysql';
  } finally {
    await connection.end();
  }
}

const LOGS_STATEMENTS =
  'the server has binlog_format=STATEMENT, and then rejects every write at READ COMMITTED: set binlog_format to ROW or MIXED';

/** Newer servers may lack the variable, and always log rows. */
async function logsStatements(connection: Connection): Promise<boolean> {
  const asked = connection.query("SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format')");
  const [rows] = await withinLimit(CONNECT_LIMIT_MS, asked, () => breakOff(connection));
  const values = new Map(
    (rows as { Variable_name: string; Value: string }[]).map((row) => [row.Variable_name, row.Value]),
  );
  return values.get('log_bin') === 'ON' && values.get('binlog_format') === 'STATEMENT';
}

/**
 * One process for each file: the lock is taken at once and held, so that a second process is refused at its start.
 * With WAL, synchronous=FULL makes every commit durable before it is acknowledged.
 */
function sqliteOptions(file: string): DataSourceOptions {
  if (!existsSync(dirname(file))) throw new Error(`there is no folder ${dirname(file)} for the SQLite file`);
  if (file !== ':memory:' && !isWritable(dirname(file)))
    throw new Error(
      `this user cannot write to ${resolve(dirname(file))}, the folder of the SQLite file: ` +
        'name a file elsewhere, or a MySQL or MariaDB database',
    );
  return {
    type: 'better-sqlite3',
    database: file,
    // The lock is held for as long as its process lives: there is nothing to wait for.
    timeout: 0,
    prepareDatabase: (database) => {
      database.pragma('locking_mode = EXCLUSIVE');
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
    },
  };
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
