/**
 * Writes a batch to MySQL or MariaDB: one packet `BEGIN … COMMIT` on a connection of its own.
 *
 * Rule 2: each UPDATE is followed by a guard, which fails the packet when the row count is not the number of rows
 * that were named. Rule 4: after any error the connection is destroyed or rolled back before it is used again, so
 * that no half of a failed batch is committed by the next BEGIN. Rule 5: once the packet may have left and no answer
 * came, the outcome is unknown, and whoever called sends the same rows again.
 *
 * Each packet ends by telling the database's time. Each new connection is first asked for the last row that was
 * acknowledged on an earlier one: a database that does not have it is not the one that acknowledged it.
 */
import { type Connection, format } from 'mysql2/promise';
import type { BatchOutcome, BatchWriter, Save } from '../../application/ports.ts';
import {
  batchStatements,
  type Query,
  type SqlValue,
  type Standing,
  type Statement,
  standingQueries,
  takenBy,
} from './batch-statements.ts';
import { type DatabaseTls, openConnection } from './data-source.ts';
import type { ClockSample } from './database-clock.ts';
import type { TableNames } from './table-names.ts';
import { breakOff, CONNECT_LIMIT_MS, withinLimit } from './time-limit.ts';

const DUPLICATE = 1062;
const LOCK_WAIT_OVER = 1205;
/** The server closes the connection with it, but has taken nothing of the packet. */
const PACKET_TOO_LARGE = 1153;
/** A row that is older may have been removed by then. */
const REMEMBERED_MS = 12 * 3_600_000;
/** SQLSTATE classes of data that a column does not take: the row is at fault, and no repetition mends it. */
const ROW_FAULTS = ['21', '22', '23'];

class LostCommits extends Error {}

type SqlError = Error & { errno?: number; sqlState?: string; fatal?: boolean };

export class MysqlBatchWriter implements BatchWriter {
  readonly #databaseUrl: string;
  readonly #tls: DatabaseTls | null;
  readonly #timeoutMs: number;
  readonly #tables: TableNames;
  readonly #probe: string;
  readonly #onSample: (sample: ClockSample) => void;
  #connection: Connection | null = null;
  #lastWritten: { readonly gid: string; readonly seq: number; readonly atMs: number } | null = null;

  /**
   * @param given.timeoutMs after which an unanswered packet counts as unknown
   * @param given.tls none when absent
   */
  constructor(given: {
    databaseUrl: string;
    tls?: DatabaseTls | null;
    timeoutMs: number;
    tables: TableNames;
    onSample: (sample: ClockSample) => void;
  }) {
    this.#databaseUrl = given.databaseUrl;
    this.#tls = given.tls ?? null;
    this.#timeoutMs = given.timeoutMs;
    this.#tables = given.tables;
    this.#probe = probeOf(given.tables);
    this.#onSample = given.onSample;
  }

  async writeBatch(saves: readonly Save[]): Promise<BatchOutcome> {
    let packet: string;
    try {
      packet = this.#packetOf(batchStatements(saves, this.#tables));
    } catch (error) {
      return { outcome: 'rejected', because: 'row', error: error as Error };
    }
    let connection: Connection;
    try {
      connection = await this.#connect();
    } catch (error) {
      const because = error instanceof LostCommits ? 'behind' : 'store';
      return { outcome: 'rejected', because, error: error as Error };
    }
    try {
      await this.#send(connection, packet);
      this.#remember(saves);
      return { outcome: 'written' };
    } catch (error) {
      return this.#outcomeOf(error as SqlError, connection, saves);
    }
  }

  #packetOf(statements: readonly Statement[]): string {
    const guard = `INSERT INTO ${this.#tables.guard} SELECT 1 FROM DUAL WHERE ROW_COUNT() <> `;
    let packet = statements.length === 0 ? `BEGIN;${this.#probe};` : 'BEGIN;';
    for (const { isUpdate, sql, rowCount } of statements) {
      packet += `${sql(literal)};`;
      if (isUpdate) packet += `${guard}${rowCount};`;
    }
    return `${packet}COMMIT;SELECT UTC_TIMESTAMP(3) AS at`;
  }

  async #send(connection: Connection, packet: string): Promise<void> {
    const askedAtMs = performance.now();
    const [results] = await this.#withTimeout(connection, connection.query(packet));
    const [row] = (results as unknown[]).at(-1) as [{ at: Date }];
    this.#onSample({ at: row.at.getTime(), askedAtMs, answeredAtMs: performance.now() });
  }

  #remember(saves: readonly Save[]): void {
    const last = saves.at(-1);
    if (last) this.#lastWritten = { gid: last.gid, seq: last.seq, atMs: performance.now() };
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.end().catch(() => breakOff(connection));
  }

  async #outcomeOf(error: SqlError, connection: Connection, saves: readonly Save[]): Promise<BatchOutcome> {
    if (error.errno === PACKET_TOO_LARGE) {
      this.#drop(connection);
      return { outcome: 'rejected', because: 'row', error };
    }
    // Only the server's own refusal is definite. Anything else may have come after the COMMIT.
    const isRefused = error.sqlState !== undefined && !error.fatal && !isInterrupted(error);
    if (!isRefused) {
      this.#drop(connection);
      return { outcome: 'unknown', error };
    }
    try {
      await this.#withTimeout(connection, connection.query('ROLLBACK'));
      return await this.#refusalOf(error, connection, saves);
    } catch {
      this.#drop(connection);
      return { outcome: 'rejected', because: 'store', error };
    }
  }

  async #refusalOf(error: SqlError, connection: Connection, saves: readonly Save[]): Promise<BatchOutcome> {
    if (error.errno === DUPLICATE) {
      const taken = takenBy(saves, await this.#standing(connection, saves));
      if (taken.ours.size + taken.lost.size > 0) return { outcome: 'taken', ...taken };
      // What stood in the way is in the batch itself, or was gone before it was looked for.
      return { outcome: 'rejected', because: 'row', error };
    }
    if (error.errno === LOCK_WAIT_OVER) {
      // Where tables are locked this fails, too: no row is at fault.
      await this.#withTimeout(connection, connection.query(this.#probe));
      return { outcome: 'rejected', because: 'lock', locked: await this.#lockedOf(connection, saves), error };
    }
    const isRowFault = ROW_FAULTS.includes(error.sqlState?.slice(0, 2) ?? '');
    return { outcome: 'rejected', because: isRowFault ? 'row' : 'store', error };
  }

  /** The transactions whose rows somebody else has locked, asked for without waiting. */
  async #lockedOf(connection: Connection, saves: readonly Save[]): Promise<ReadonlySet<string>> {
    const gids = saves.filter(({ before }) => before !== null).map(({ gid }) => gid);
    if (gids.length === 0) return new Set();
    const free = `SELECT gid FROM ${this.#tables.globalTransaction} WHERE gid IN (?) FOR UPDATE SKIP LOCKED`;
    const [rows] = await this.#withTimeout(connection, connection.query(free, [gids]));
    const isFree = new Set((rows as { gid: string }[]).map(({ gid }) => gid));
    return new Set(gids.filter((gid) => !isFree.has(gid)));
  }

  async #standing(connection: Connection, saves: readonly Save[]): Promise<Standing> {
    const queries = standingQueries(saves, this.#tables);
    const read = async ({ sql, values }: Query) => {
      const [rows] = await this.#withTimeout(connection, connection.query(sql, [...values]));
      return rows as never;
    };
    return {
      journal: await read(queries.journal),
      beginKeys: await read(queries.beginKeys),
      transactions: await read(queries.transactions),
    };
  }

  async #connect(): Promise<Connection> {
    if (this.#connection) return this.#connection;
    const connectTimeout = Math.min(this.#timeoutMs, CONNECT_LIMIT_MS);
    const options = { multipleStatements: true, queryFormat, connectTimeout };
    const connection = await openConnection(this.#databaseUrl, options, this.#tls);
    // Without a listener an idle connection that breaks would end the process.
    connection.on('error', () => this.#drop(connection));
    try {
      await this.#checkMemoryOf(connection);
    } catch (error) {
      breakOff(connection);
      throw error;
    }
    this.#connection = connection;
    return connection;
  }

  /** @throws LostCommits */
  async #checkMemoryOf(connection: Connection): Promise<void> {
    const last = this.#lastWritten;
    if (last === null || performance.now() - last.atMs > REMEMBERED_MS) return;
    const row = `SELECT 1 FROM ${this.#tables.journal} WHERE gid = ? AND seq = ?`;
    const asked = connection.query(row, [last.gid, last.seq]);
    const [rows] = await this.#withTimeout(connection, asked);
    if ((rows as unknown[]).length === 0)
      throw new LostCommits(`row ${last.seq} of transaction ${last.gid} was acknowledged, and is gone`);
  }

  #drop(connection: Connection): void {
    if (this.#connection === connection) this.#connection = null;
    breakOff(connection);
  }

  #withTimeout<T>(connection: Connection, answer: Promise<T>): Promise<T> {
    return withinLimit(this.#timeoutMs, answer, () => this.#drop(connection));
  }
}

/** A packet is formatted already: to look through all of it for placeholders again would cost as much once more. */
const queryFormat = (sql: string, values: unknown): string =>
  Array.isArray(values) && values.length > 0 ? format(sql, values) : sql;

/** The server was stopped, or the statement killed: the COMMIT of the same packet may have been reached. */
const isInterrupted = ({ errno }: SqlError): boolean => [1053, 1317, 1927, 3169].includes(errno ?? 0);

/** Reads nothing, and needs what a batch needs of the tables. */
const probeOf = ({ journal, globalTransaction, branch, beginKey }: TableNames): string =>
  `SELECT 1 FROM ${journal}, ${globalTransaction}, ${branch}, ${beginKey} LIMIT 0 FOR UPDATE`;

/** The two characters that end or change a quoted text under the `sql_mode` of our sessions; JSON rarely has them. */
const SPECIAL = /['\\]/;
const ALL_SPECIAL = /['\\]/g;

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  return SPECIAL.test(value) ? `'${value.replace(ALL_SPECIAL, '\\$&')}'` : `'${value}'`;
}
