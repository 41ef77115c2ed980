/** What the command line of `npm run repeat` says. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

export type Options = { readonly files: readonly string[]; readonly times: number };

export const usage = `Usage: npm run repeat -- [--times 20] test/FILE.test.ts [more files]

Runs the test files again and again, every other run under load. It stops at the first run that fails.

  --times 20  how often, 1 to 1000
  --help      this text
`;

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values, positionals: files } = parse(args);
  if (values.help) return 'help';
  if (files.length === 0) throw new UsageError('name at least one test file');
  const absent = files.filter((file) => !existsSync(file));
  if (absent.length > 0) throw new UsageError(`there is no ${absent.join(', no ')}`);
  return { files, times: timesOf(values.times ?? '20') };
}

function parse(args: readonly string[]) {
  try {
    const options = { times: { type: 'string' }, help: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function timesOf(text: string): number {
  const times = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (times >= 1 && times <= 1000) return times;
  throw new UsageError(`--times: “${text}” is not a whole number from 1 to 1000`);
}
