/** What a transaction is about, as a hash: equal for inputs that say the same, in whichever order their fields are. */
import { hash } from 'node:crypto';
import { asJson } from './payload.ts';
import type { RunOptions } from './types.ts';

/** Absent where there is no input. @throws TypeError when it is no JSON */
export const inputHashOf = ({ input }: Pick<RunOptions, 'input'>): string | undefined =>
  input === undefined ? undefined : hash('sha256', sortedJson(JSON.parse(asJson(input, 'The input'))));

function sortedJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sortedJson).join()}]`;
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([key, part]) => `${JSON.stringify(key)}:${sortedJson(part)}`).join()}}`;
}
