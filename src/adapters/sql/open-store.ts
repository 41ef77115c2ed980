/** The SQL store as a whole: one data source, and what reads and writes through it. */
import type { DataSource, EntityManager } from 'typeorm';
import type {
  BatchWriter,
  ParticipantRegistry,
  QuarantinedTransaction,
  Resumptions,
  Time,
  TransactionStore,
} from '../../application/ports.ts';
import type { HeartbeatStore } from '../../application/replicas.ts';
import type { Instant } from '../../domain/index.ts';
import { systemClock, systemTime } from '../system.ts';
import { ask } from './ask.ts';
import { type DatabaseTls, isSqlite, openDataSource } from './data-source.ts';
import { type ClockSample, DatabaseClock, type LocalClock } from './database-clock.ts';
import { SqlHeartbeatStore } from './heartbeat-rows.ts';
import { MysqlBatchWriter } from './mysql-batch-writer.ts';
import { SqlParticipantRegistry } from './participant-registry.ts';
import { SqlResumptions } from './resumption-rows.ts';
import { SqliteBatchWriter } from './sqlite-batch-writer.ts';
import { tablesOf } from './table-names.ts';
import { SqlTransactionStore } from './transaction-store.ts';

export type SqlStore = {
  readonly dataSource: DataSource;
  readonly store: TransactionStore;
  readonly writer: BatchWriter;
  readonly registry: ParticipantRegistry;
  readonly resumptions: Resumptions;
  readonly heartbeats: HeartbeatStore;
  /** What deadlines are judged by: the database's clock where several processes share it. */
  readonly time: Time;
  close(): Promise<void>;
};

/**
 * @param commitTimeoutMs after which an unanswered commit counts as unknown
 * @param more.tls how MySQL or MariaDB is spoken to over TLS; null for not at all
 * @param more.tablePrefix begins the names of all tables
 * @param more.local the clocks and timers of this machine
 * @param more.onQuarantined is called for each transaction whose rows were found not to add up
 * @throws when the database cannot be reached
 */
export async function openStore(
  databaseUrl: string,
  commitTimeoutMs: number,
  {
    tls = null,
    tablePrefix = '',
    local = systemClock,
    onQuarantined,
  }: {
    tls?: DatabaseTls | null;
    tablePrefix?: string;
    local?: LocalClock;
    onQuarantined?: (one: QuarantinedTransaction) => void;
  } = {},
): Promise<SqlStore> {
  const dataSource = await openDataSource(databaseUrl, tls, { tablePrefix });
  const store = new SqlTransactionStore({ dataSource, ...(onQuarantined && { onQuarantined }) });
  const registry = new SqlParticipantRegistry({ dataSource });
  const heartbeats = new SqlHeartbeatStore({ dataSource });
  const resumptions = new SqlResumptions({ dataSource });
  const shared = { dataSource, store, registry, resumptions, heartbeats };
  if (isSqlite(dataSource)) {
    const writer = new SqliteBatchWriter({ dataSource });
    return { ...shared, writer, time: systemTime, close: () => dataSource.destroy() };
  }
  const time = await DatabaseClock.start({ local, read: () => ask(dataSource, timeOf) });
  const onSample = (sample: ClockSample) => time.sample(sample);
  const tables = tablesOf(dataSource);
  const writer = new MysqlBatchWriter({ databaseUrl, timeoutMs: commitTimeoutMs, tables, tls, onSample });
  const close = async () => {
    await writer.close();
    await dataSource.destroy();
  };
  return { ...shared, writer, time, close };
}

async function timeOf(manager: EntityManager): Promise<Instant> {
  const [{ at }]: [{ at: Date }] = await manager.query('SELECT UTC_TIMESTAMP(3) AS at');
  return at.getTime();
}
