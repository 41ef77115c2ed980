/** One call of a participant, as a coordinator sends it: for the examples that play one. */
import type { Op } from '@tercet/sdk/wire';

export const GID = '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60';
const TIME_MS = 10_000;

/** @param more headers, such as those of a signature */
export async function call(
  baseUrl: string,
  to: { readonly activity: string; readonly branchId: string; readonly op: Op; readonly payload: unknown },
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly answer: unknown }> {
  const { activity, branchId, op, payload } = to;
  const response = await fetch(`${baseUrl}/${activity}/${op}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'tcc-transaction-id': GID,
      'tcc-branch-id': branchId,
      'tcc-op': op,
      'tcc-attempt': '1',
      'tcc-deadline': new Date(Date.now() + TIME_MS).toISOString(),
      'idempotency-key': `${GID}/${branchId}/${op}`,
      ...more,
    },
    body: JSON.stringify(payload),
  });
  return { status: response.status, answer: await response.json() };
}
