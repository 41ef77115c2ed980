/**
 * Opens the database that TERCET_DATABASE_URL names: `mysql://…`, `mariadb://…` or `sqlite:FILE`.
 *
 * TypeORM owns the connections of the read side, the entity schemas and the migrations; what is written while
 * transactions run goes through a connection of its own (`mysql-batch-writer.ts`, `sqlite-batch-writer.ts`).
 */
import mysql2, { createPool, type Pool, type PoolOptions } from 'mysql2';
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { DataSource, type DataSourceOptions, MigrationExecutor, type QueryRunner } from 'typeorm';
import { migrations } from '../../../migrations/index.ts';
import { entities } from './entities.ts';

/** What every connection is set to, whatever the server's own defaults are (rule 6 of a batch). */
const SESSION_STATEMENTS = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  'SET SESSION innodb_lock_wait_timeout = 2',
  "SET SESSION time_zone = '+00:00'",
];

const POOL_SIZE = 10;
/** A batch of a mebibyte of payloads, quoted, with its journal rows. */
const MIN_PACKET_BYTES = 4 * 1024 * 1024;

export async function openDataSource(databaseUrl: string): Promise<DataSource> {
  const options = databaseUrl.startsWith('sqlite:')
    ? sqliteOptions(databaseUrl.slice('sqlite:'.length))
    : await mysqlOptions(databaseUrl);
  const dataSource = new DataSource({ ...options, entities, migrations, migrationsTableName: 'migration' });
  try {
    return await dataSource.initialize();
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_BUSY')
      throw new Error(inUse(databaseUrl), { cause: error });
    throw error;
  }
}

const inUse = (databaseUrl: string) =>
  `${databaseUrl} is in use by another process: a SQLite file belongs to one; stop it, or use MySQL for several`;

export const isSqlite = (dataSource: DataSource): boolean => dataSource.options.type === 'better-sqlite3';

/** Brings the schema up to date; answers the names of what ran. Replicas that call it together wait for each other. */
export async function migrate(dataSource: DataSource): Promise<readonly string[]> {
  if (isSqlite(dataSource)) return namesOf(await dataSource.runMigrations());
  const lock: QueryRunner = dataSource.createQueryRunner();
  try {
    await lock.query("SELECT GET_LOCK('tercet-migrate', 60)");
    return namesOf(await dataSource.runMigrations());
  } finally {
    await lock.query("SELECT RELEASE_LOCK('tercet-migrate')");
    await lock.release();
  }
}

/** How many migrations this code knows and the database lacks. */
export async function pendingMigrations(dataSource: DataSource): Promise<number> {
  const pending = await new MigrationExecutor(dataSource).getPendingMigrations();
  return pending.length;
}

/** One connection outside the pool, in the state that every connection of ours is in. */
export async function openConnection(databaseUrl: string, options: ConnectionOptions): Promise<Connection> {
  const connection = await createConnection({ ...connectionOptions(databaseUrl), ...options });
  for (const statement of SESSION_STATEMENTS) await connection.query(statement);
  return connection;
}

const namesOf = (ran: readonly { readonly name: string }[]) => ran.map(({ name }) => name);

function connectionOptions(databaseUrl: string): ConnectionOptions {
  const url = new URL(databaseUrl);
  return {
    host: url.hostname,
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: 5000,
  };
}

async function mysqlOptions(databaseUrl: string): Promise<DataSourceOptions> {
  const { user, ...options } = connectionOptions(databaseUrl);
  return {
    type: await serverType(databaseUrl),
    host: options.host,
    port: options.port,
    username: user,
    password: options.password,
    database: options.database,
    timezone: 'Z',
    charset: 'utf8mb4',
    connectTimeout: options.connectTimeout,
    poolSize: POOL_SIZE,
    driver: { ...mysql2, createPool: createOurPool },
  } as DataSourceOptions;
}

/** A new connection runs what it is given first before anything else that is asked of it. */
function createOurPool(options: PoolOptions): Pool {
  const pool = createPool(options);
  pool.on('connection', (connection) => {
    for (const statement of SESSION_STATEMENTS) connection.query(statement);
  });
  return pool;
}

/** A MariaDB may well be named `mysql://`; TypeORM has to know which of the two it is. */
async function serverType(databaseUrl: string): Promise<'mysql' | 'mariadb'> {
  const connection = await openConnection(databaseUrl, {});
  try {
    const [rows] = await connection.query('SELECT VERSION() AS version, @@max_allowed_packet AS packetBytes');
    const [{ version, packetBytes }] = rows as [{ version: string; packetBytes: number }];
    if (packetBytes < MIN_PACKET_BYTES)
      throw new Error(
        `the server takes packets of ${packetBytes} bytes: set max_allowed_packet to 4M or more`,
      );
    return version.includes('MariaDB') ? 'mariadb' : 'mysql';
  } finally {
    await connection.end();
  }
}

/**
 * One process for each file: the lock is taken at once and held, so that a second process is refused at its start.
 * With WAL, synchronous=FULL makes every commit durable before it is acknowledged.
 */
function sqliteOptions(file: string): DataSourceOptions {
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
