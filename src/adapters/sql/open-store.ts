/** The SQL store as a whole: one data source, and what reads and writes through it. */
import type { DataSource } from 'typeorm';
import type { BatchWriter, ParticipantRegistry, TransactionStore } from '../../application/ports.ts';
import { isSqlite, openDataSource } from './data-source.ts';
import { MysqlBatchWriter } from './mysql-batch-writer.ts';
import { SqlParticipantRegistry } from './participant-registry.ts';
import { SqliteBatchWriter } from './sqlite-batch-writer.ts';
import { SqlTransactionStore } from './transaction-store.ts';

export type SqlStore = {
  readonly dataSource: DataSource;
  readonly store: TransactionStore;
  readonly writer: BatchWriter;
  readonly registry: ParticipantRegistry;
  close(): Promise<void>;
};

/**
 * @param commitTimeoutMs after which an unanswered commit counts as unknown
 * @throws when the database cannot be reached
 */
export async function openStore(databaseUrl: string, commitTimeoutMs: number): Promise<SqlStore> {
  const dataSource = await openDataSource(databaseUrl);
  const store = new SqlTransactionStore({ dataSource });
  const registry = new SqlParticipantRegistry({ dataSource });
  if (isSqlite(dataSource)) {
    const writer = new SqliteBatchWriter({ dataSource });
    return { dataSource, store, writer, registry, close: () => dataSource.destroy() };
  }
  const writer = new MysqlBatchWriter({ databaseUrl, timeoutMs: commitTimeoutMs });
  const close = async () => {
    await writer.close();
    await dataSource.destroy();
  };
  return { dataSource, store, writer, registry, close };
}
