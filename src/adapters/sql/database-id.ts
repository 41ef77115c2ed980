/** The name of this database, the same for all replicas and after a restore. */
import type { DataSource } from 'typeorm';
import { ask } from './ask.ts';

export const databaseIdOf = (dataSource: DataSource): Promise<string> =>
  ask(dataSource, async (manager) => {
    const [row]: { id: string }[] = await manager.query('SELECT id FROM database_id WHERE one = 1');
    if (row === undefined)
      throw new Error('the table database_id is empty: insert (1, UUID()), which all replicas then share');
    return row.id;
  });
