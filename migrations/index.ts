/**
 * Every migration, in the order in which they run. Explicit, so that what runs can be read.
 *
 * A name that has `ExpandOnly` before its timestamp promises that programs from before it run on with it: it only adds tables,
 * indexes, and columns that may be left out of an INSERT. `docs/migrations.md` has the rules.
 */
import { InitialSchema1796169600000 } from './1796169600000-initial-schema.ts';
import { ReplicaHeartbeatsExpandOnly1796256000000 } from './1796256000000-replica-heartbeats.ts';
import { DecisionNoteExpandOnly1796342400000 } from './1796342400000-decision-note.ts';
import { BudgetsInTimeExpandOnly1796860800000 } from './1796860800000-budgets-in-time.ts';
import { ResumptionsExpandOnly1796947200000 } from './1796947200000-resumptions.ts';
import { QuarantineExpandOnly1797033600000 } from './1797033600000-quarantine.ts';
import { DatabaseIdExpandOnly1797120000000 } from './1797120000000-database-id.ts';
import { ParticipantLimitsExpandOnly1797206400000 } from './1797206400000-participant-limits.ts';

export const migrations = [
  ...[InitialSchema1796169600000, ReplicaHeartbeatsExpandOnly1796256000000],
  ...[DecisionNoteExpandOnly1796342400000, BudgetsInTimeExpandOnly1796860800000],
  ...[ResumptionsExpandOnly1796947200000, QuarantineExpandOnly1797033600000],
  ...[DatabaseIdExpandOnly1797120000000, ParticipantLimitsExpandOnly1797206400000],
];
