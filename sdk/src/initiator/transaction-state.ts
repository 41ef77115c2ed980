/**
 * The state of a transaction as an initiator reads it in a coordinator's answer. Nothing else in the answer is read, so
 * that a newer coordinator may say more.
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Decision, Status } from '../../../src/wire/index.ts';

const nullOr = <Schema extends Parameters<typeof Type.Array>[0]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);

const CallState = nullOr(
  Type.Object({ reply: Type.Optional(nullOr(Type.String())), answer: nullOr(Type.String()) }),
);

const BranchState = Type.Object({
  branchId: Type.String(),
  participant: Type.String(),
  activity: Type.String(),
  try: CallState,
  // A coordinator without sagas has none.
  action: Type.Optional(CallState),
});

const TransactionState = Type.Object({
  gid: Type.String(),
  status: Status,
  decision: nullOr(
    Type.Object({ decision: Decision, reason: Type.String(), branchId: nullOr(Type.String()) }),
  ),
  beganAt: Type.String({ format: 'date-time' }),
  deadlineAt: Type.String({ format: 'date-time' }),
  isParked: Type.Boolean(),
  explanation: Type.String(),
  branches: Type.Array(BranchState),
});
export type TransactionState = Static<typeof TransactionState>;

/** Null when it is no transaction as we know them: then it was not a coordinator of ours that answered. */
export const readTransaction = (body: unknown): TransactionState | null =>
  Value.Check(TransactionState, body) ? body : null;

/**
 * For answers about a transaction that is known. Null for another one's: a cache on the way may give it, and its
 * end would be taken for the end of ours (I8).
 */
export const readTransactionOf =
  (gid: string) =>
  (body: unknown): TransactionState | null => {
    const seen = readTransaction(body);
    return seen?.gid === gid ? seen : null;
  };

/** That a coordinator has acknowledged these branches, can be read off the list of them. */
export const hasBranches = ({ branches }: TransactionState, branchIds: readonly string[]): boolean =>
  branchIds.every((branchId) => branches.some((branch) => branch.branchId === branchId));
