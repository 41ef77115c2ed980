/** How a saga was undone, as GET /v1/transactions/{gid} tells it: the cause, the decision, and what was undone because of it. */
import type { Details } from './tercet.ts';

/** One line; none where nothing was undone. */
export function rollback({ path }: Details): string[] {
  const decided = path.find((entry) => entry.what === 'decided');
  const undone = path.flatMap((entry) =>
    entry.what === 'called' && entry.op === 'compensate' ? [entry.branchId] : [],
  );
  if (undone.length === 0 || !decided?.cause) return [];
  const { branchId, op, httpStatus } = decided.cause;
  const cause = `${op} of ${branchId} answered ${httpStatus}`;
  return [
    `  told by GET /v1/transactions/{gid}: ${cause} → ${decided.decision} → undone: ${undone.join(', ')}`,
  ];
}
