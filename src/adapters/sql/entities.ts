/** The tables as TypeORM reads them. Their columns are those of `columns.ts`; `batch-statements.ts` alone does the hot writes. */
import { EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';
import type { Instant } from '../../domain/index.ts';
import {
  beginKeyColumns,
  branchColumns,
  type Column,
  type Columns,
  type ColumnType,
  heartbeatColumns,
  journalColumns,
  participantColumns,
  phaseOneColumns,
  phaseTwoColumns,
  type RowOf,
  transactionColumns,
} from './columns.ts';

export type CallRow = RowOf<typeof phaseOneColumns>;
export type BranchRow = RowOf<typeof branchColumns> & { phaseOne: CallRow; phaseTwo: CallRow };
export type TransactionRow = RowOf<typeof transactionColumns> & { branches: BranchRow[] };
/** `secrets` and `activities` are absent in a change that leaves them as they are. */
export type ParticipantRow = Omit<RowOf<typeof participantColumns>, 'secrets' | 'activities'> &
  Partial<Pick<RowOf<typeof participantColumns>, 'secrets' | 'activities'>>;
export type HeartbeatRow = RowOf<typeof heartbeatColumns>;

/** In place of a value whose text is no JSON: one broken row must not keep the others from being read. */
export const BROKEN_JSON = Symbol('broken JSON');

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return BROKEN_JSON;
  }
}

const OPTIONS: Readonly<Record<ColumnType, EntitySchemaColumnOptions>> = {
  word: { type: 'varchar' },
  text: { type: 'text' },
  count: { type: 'int' },
  instant: {
    type: 'datetime',
    precision: 3,
    transformer: {
      from: (date: Date | null): Instant | null => date?.getTime() ?? null,
      to: (at: Instant | null): Date | null => (at === null ? null : new Date(at)),
    },
  },
  json: {
    type: 'text',
    transformer: {
      from: (text: string | null) => (text === null ? null : readJson(text)),
      to: (value: unknown) => JSON.stringify(value),
    },
  },
};

const optionsOf = ({ name, type, isNullable, isKey }: Column<unknown, never>): EntitySchemaColumnOptions => ({
  ...OPTIONS[type],
  name,
  nullable: isNullable,
  ...(isKey && { primary: true }),
});

const entityOf = <Row>(name: string, columns: Columns): EntitySchema<Row> =>
  new EntitySchema<Row>({
    name,
    columns: Object.fromEntries(
      Object.entries(columns).map(([property, column]) => [property, optionsOf(column)]),
    ) as never,
  });

/** The columns of a phase have their full names, since a naming strategy would change the case of a prefix. */
const embedded = (name: string, columns: Columns) => ({
  schema: entityOf<CallRow>(name, columns),
  prefix: '',
});

export const transactionEntity = entityOf<RowOf<typeof transactionColumns>>(
  'global_transaction',
  transactionColumns,
);

export const branchEntity = new EntitySchema<BranchRow>({
  ...entityOf<BranchRow>('branch', branchColumns).options,
  embeddeds: {
    phaseOne: embedded('phase_one', phaseOneColumns),
    phaseTwo: embedded('phase_two', phaseTwoColumns),
  },
});

export const journalEntity = entityOf<RowOf<typeof journalColumns>>('journal', journalColumns);
export const beginKeyEntity = entityOf<RowOf<typeof beginKeyColumns>>('begin_key', beginKeyColumns);
export const participantEntity = entityOf<ParticipantRow>('participant', participantColumns);
export const heartbeatEntity = entityOf<HeartbeatRow>('replica', heartbeatColumns);

export const entities = [
  transactionEntity,
  branchEntity,
  journalEntity,
  beginKeyEntity,
  participantEntity,
  heartbeatEntity,
];
