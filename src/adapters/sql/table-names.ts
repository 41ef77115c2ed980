/** The tables of this system, and those of its indexes that statements name, as SQL has them: quoted, with the prefix. */
import type { DataSource } from 'typeorm';
import { sqlName } from '../../../migrations/table-name.ts';

const NAMES = {
  journal: 'journal',
  globalTransaction: 'global_transaction',
  branch: 'branch',
  beginKey: 'begin_key',
  alert: 'alert',
  participant: 'participant',
  resumption: 'resumption',
  guard: 'guard',
  databaseId: 'database_id',
  wakeAtIndex: 'global_transaction_wake_at',
  finishedAtIndex: 'global_transaction_finished_at',
  beginKeyGidIndex: 'begin_key_gid',
} as const;

export type TableNames = Readonly<Record<keyof typeof NAMES, string>>;

const known = new WeakMap<DataSource, TableNames>();

export function tablesOf(dataSource: DataSource): TableNames {
  const names = known.get(dataSource) ?? namesOf(dataSource);
  known.set(dataSource, names);
  return names;
}

const namesOf = (dataSource: DataSource): TableNames =>
  Object.fromEntries(
    Object.entries(NAMES).map(([table, name]) => [table, sqlName(dataSource, name)]),
  ) as TableNames;
