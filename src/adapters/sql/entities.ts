/**
 * How the tables look to the read side. The rows that change are written by `batch-statements.ts` alone.
 */
import { EntitySchema } from 'typeorm';
import type {
  Call,
  Callback,
  CallPolicy,
  Decision,
  DecisionReason,
  Instant,
  Mode,
  OwnPolicy,
  Pattern,
  Status,
  Step,
} from '../../domain/index.ts';

export type CallRow = {
  reply: 'succeeded' | 'refused' | 'unknown' | null;
  attemptCount: number;
  dueAt: Instant;
  parkedAt: Instant | null;
  answer: string | null;
  durationMs: number | null;
};

export type BranchRow = {
  gid: string;
  branchId: string;
  position: number;
  participant: string;
  activity: string;
  payload: string;
  bodyHash: string;
  policy: OwnPolicy | null;
  phaseOne: CallRow;
  phaseTwo: CallRow;
  waitingSince: Instant | null;
  lateSuccessCount: number;
  step: Step | null;
  result: string | null;
};

export type TransactionRow = {
  gid: string;
  seq: number;
  version: number;
  pattern: Pattern;
  mode: Mode;
  name: string | null;
  businessKey: string | null;
  bodyHash: string;
  traceparent: string | null;
  tracestate: string | null;
  policy: CallPolicy;
  beganAt: Instant;
  deadlineAt: Instant;
  status: Status;
  decision: Decision | null;
  decisionReason: DecisionReason | null;
  decidedAt: Instant | null;
  decidedByBranchId: string | null;
  decisionNote: string | null;
  parkedAt: Instant | null;
  waitingSince: Instant | null;
  finishedAt: Instant | null;
  pivotStartedAt: Instant | null;
  cancelAskedAt: Instant | null;
  callback: Callback | null;
  notification: Call | null;
  wakeAt: Instant | null;
  waker: string | null;
  missCount: number;
  branches: BranchRow[];
};

export type JournalEntryRow = {
  gid: string;
  seq: number;
  at: Instant;
  writer: string;
  version: number;
  entries: string;
};

export type BeginKeyRow = { beginKey: string; gid: string };

export type ParticipantRow = {
  name: string;
  baseUrls: string;
  paths: string;
  callTimeoutMs: number | null;
  /** Both absent in a change that leaves them as they are. */
  secrets?: string | null;
  activities?: string | null;
};

export type HeartbeatRow = {
  id: string;
  programVersion: string;
  newestReadVersion: number;
  seenAt: Instant;
};

/** Instants are numbers in the code and datetime(3) in UTC in the tables, where an operator reads them. */
const instant = {
  from: (date: Date | null): Instant | null => date?.getTime() ?? null,
  to: (at: Instant | null): Date | null => (at === null ? null : new Date(at)),
};
const json = {
  from: (text: string | null) => (text === null ? null : JSON.parse(text)),
  to: (value: unknown) => JSON.stringify(value),
};

const word = (name: string, nullable = false) => ({ name, type: 'varchar', nullable }) as const;
const count = (name: string) => ({ name, type: 'int' }) as const;
const at = (name: string, nullable = false) =>
  ({ name, type: 'datetime', precision: 3, nullable, transformer: instant }) as const;

/** The columns of one phase; named in full, since a naming strategy would change the case of a prefix. */
const callEntity = (phase: string) =>
  new EntitySchema<CallRow>({
    name: phase,
    columns: {
      reply: word(`${phase}_reply`, true),
      attemptCount: count(`${phase}_attempt_count`),
      dueAt: at(`${phase}_due_at`),
      parkedAt: at(`${phase}_parked_at`, true),
      answer: word(`${phase}_answer`, true),
      durationMs: { name: `${phase}_duration_ms`, type: 'int', nullable: true },
    },
  });

export const branchEntity = new EntitySchema<BranchRow>({
  name: 'branch',
  columns: {
    gid: { ...word('gid'), primary: true },
    branchId: { ...word('branch_id'), primary: true },
    position: count('position'),
    participant: word('participant'),
    activity: word('activity'),
    payload: { name: 'payload', type: 'text' },
    bodyHash: word('body_hash'),
    policy: { name: 'policy', type: 'text', nullable: true, transformer: json },
    waitingSince: at('waiting_since', true),
    lateSuccessCount: count('late_success_count'),
    step: { name: 'step', type: 'text', nullable: true, transformer: json },
    result: { name: 'result', type: 'text', nullable: true },
  },
  embeddeds: {
    phaseOne: { schema: callEntity('phase_one'), prefix: '' },
    phaseTwo: { schema: callEntity('phase_two'), prefix: '' },
  },
});

export const transactionEntity = new EntitySchema<Omit<TransactionRow, 'branches'>>({
  name: 'global_transaction',
  columns: {
    gid: { ...word('gid'), primary: true },
    seq: count('seq'),
    version: count('version'),
    pattern: word('pattern'),
    mode: word('mode'),
    name: word('name', true),
    businessKey: word('business_key', true),
    bodyHash: word('body_hash'),
    traceparent: word('traceparent', true),
    tracestate: word('tracestate', true),
    policy: { name: 'policy', type: 'text', transformer: json },
    beganAt: at('began_at'),
    deadlineAt: at('deadline_at'),
    status: word('status'),
    decision: word('decision', true),
    decisionReason: word('decision_reason', true),
    decidedAt: at('decided_at', true),
    decidedByBranchId: word('decided_by_branch_id', true),
    decisionNote: word('decision_note', true),
    parkedAt: at('parked_at', true),
    waitingSince: at('waiting_since', true),
    finishedAt: at('finished_at', true),
    pivotStartedAt: at('pivot_started_at', true),
    cancelAskedAt: at('cancel_asked_at', true),
    callback: { name: 'callback', type: 'text', nullable: true, transformer: json },
    notification: { name: 'notification', type: 'text', nullable: true, transformer: json },
    wakeAt: at('wake_at', true),
    waker: word('waker', true),
    missCount: count('miss_count'),
  },
});

export const journalEntity = new EntitySchema<JournalEntryRow>({
  name: 'journal',
  columns: {
    gid: { ...word('gid'), primary: true },
    seq: { ...count('seq'), primary: true },
    at: at('at'),
    writer: word('writer'),
    version: count('version'),
    entries: { name: 'entries', type: 'text' },
  },
});

export const beginKeyEntity = new EntitySchema<BeginKeyRow>({
  name: 'begin_key',
  columns: { beginKey: { ...word('begin_key'), primary: true }, gid: word('gid') },
});

export const participantEntity = new EntitySchema<ParticipantRow>({
  name: 'participant',
  columns: {
    name: { ...word('name'), primary: true },
    baseUrls: { name: 'base_urls', type: 'text' },
    paths: { name: 'paths', type: 'text' },
    activities: { name: 'activities', type: 'text', nullable: true },
    callTimeoutMs: { ...count('call_timeout_ms'), nullable: true },
    secrets: { name: 'secrets', type: 'text', nullable: true },
  },
});

export const heartbeatEntity = new EntitySchema<HeartbeatRow>({
  name: 'replica',
  columns: {
    id: { ...word('id'), primary: true },
    programVersion: word('program_version'),
    newestReadVersion: count('newest_read_version'),
    seenAt: at('seen_at'),
  },
});

export const entities = [
  ...[transactionEntity, branchEntity, journalEntity, beginKeyEntity],
  ...[participantEntity, heartbeatEntity],
];
