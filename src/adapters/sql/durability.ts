/**
 * Looks whether the server keeps what it acknowledges. A decision is as durable as COMMIT on the primary that survives;
 * settings that weaken COMMIT, or failovers that can lose it, are said loudly at the start.
 */
import type { DataSource } from 'typeorm';
import { ask } from './ask.ts';
import { isSqlite } from './data-source.ts';

type Variables = ReadonlyMap<string, string>;

/** A semi-synchronous primary that waits this long falls back only when somebody would notice anyway. */
const LONG_WAIT_MS = 3_600_000;

const RISKS: readonly { isTaken: (variables: Variables) => boolean; says: string }[] = [
  {
    isTaken: (variables) => differs(variables, 'innodb_flush_log_at_trx_commit', '1'),
    says: 'innodb_flush_log_at_trx_commit is not 1: a crash of the server or its machine may lose commits that it acknowledged',
  },
  {
    isTaken: (variables) => variables.get('log_bin') === 'ON' && differs(variables, 'sync_binlog', '1'),
    says: 'sync_binlog is not 1: after a crash the binary log, and with it every replica, may lack acknowledged commits',
  },
  {
    isTaken: (variables) => fallsBack(variables, 'source') || fallsBack(variables, 'master'),
    says: 'semi-synchronous replication may fall back to asynchronous: a failover may then lose acknowledged commits',
  },
];

/** One sentence for each risk that the server takes; empty when it takes none that can be seen. */
export async function durabilityRisks(dataSource: DataSource): Promise<readonly string[]> {
  if (isSqlite(dataSource)) return [];
  const rows: { Variable_name: string; Value: string }[] = await ask(dataSource, (manager) =>
    manager.query(
      `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin')
       OR Variable_name LIKE 'rpl\\_semi\\_sync\\_%'`,
    ),
  );
  const variables = new Map(rows.map((row) => [row.Variable_name, row.Value]));
  return RISKS.filter(({ isTaken }) => isTaken(variables)).map(({ says }) => says);
}

/** A server that does not know the variable says nothing of it. */
const differs = (variables: Variables, name: string, wanted: string): boolean =>
  (variables.get(name) ?? wanted) !== wanted;

const fallsBack = (variables: Variables, role: 'source' | 'master'): boolean =>
  variables.get(`rpl_semi_sync_${role}_enabled`) === 'ON' &&
  Number(variables.get(`rpl_semi_sync_${role}_timeout`)) < LONG_WAIT_MS;
