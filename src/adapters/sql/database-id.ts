/** The name of this database, the same for all replicas and after a restore. */
import type { DataSource } from 'typeorm';
import { ask } from './ask.ts';
import { tablesOf } from './table-names.ts';

export const databaseIdOf = (dataSource: DataSource): Promise<string> =>
  ask(dataSource, async (manager) => {
    const { databaseId } = tablesOf(manager.connection);
    const [row]: { id: string }[] = await manager.query(`SELECT id FROM ${databaseId} WHERE one = 1`);
    if (row === undefined)
      throw new Error(`the table ${databaseId} is empty: insert (1, UUID()), which all replicas then share`);
    return row.id;
  });
