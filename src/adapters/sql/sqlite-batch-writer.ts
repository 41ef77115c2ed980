/**
 * Writes a batch to SQLite: one synchronous block on the file's only connection, so that no other statement can come
 * between BEGIN and COMMIT. There is no network in it: its outcome is never unknown.
 */
import type { Database } from 'better-sqlite3';
import type { DataSource } from 'typeorm';
import type { BatchOutcome, BatchWriter, Save } from '../../application/ports.ts';
import {
  batchStatements,
  type Query,
  type Standing,
  type Statement,
  standingQueries,
  takenBy,
  withPlaceholders,
} from './batch-statements.ts';
import { isSqliteObstacle } from './conflicts.ts';
import { type TableNames, tablesOf } from './table-names.ts';

export class SqliteBatchWriter implements BatchWriter {
  readonly #database: Database;
  readonly #tables: TableNames;

  constructor(given: { dataSource: DataSource }) {
    this.#database = (
      given.dataSource.driver as unknown as { databaseConnection: Database }
    ).databaseConnection;
    this.#tables = tablesOf(given.dataSource);
  }

  async writeBatch(saves: readonly Save[]): Promise<BatchOutcome> {
    try {
      const statements = batchStatements(saves, this.#tables);
      this.#database.transaction(() => statements.forEach(this.#run)).immediate();
      return { outcome: 'written' };
    } catch (error) {
      return this.#outcomeOf(error as Error, saves);
    }
  }

  readonly #run = (statement: Statement): void => {
    const { sql, values } = withPlaceholders(statement);
    const { changes } = this.#database.prepare(sql).run(...values);
    const { rowCount } = statement;
    if (changes !== rowCount) throw new Error(`${rowCount} rows were to change, and ${changes} did: ${sql}`);
  };

  #outcomeOf(error: Error, saves: readonly Save[]): BatchOutcome {
    if (isSqliteObstacle(error)) return { outcome: 'rejected', because: 'store', error };
    const taken = takenBy(saves, this.#standing(saves));
    if (taken.ours.size + taken.lost.size > 0) return { outcome: 'taken', ...taken };
    return { outcome: 'rejected', because: 'row', error };
  }

  #standing(saves: readonly Save[]): Standing {
    const queries = standingQueries(saves, this.#tables);
    const read = ({ sql, values }: Query) => this.#database.prepare(sql).all(...values) as never;
    return {
      journal: read(queries.journal),
      beginKeys: read(queries.beginKeys),
      transactions: read(queries.transactions),
    };
  }
}
