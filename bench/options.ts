/** What the command line asks for. */
import { parseArgs } from 'node:util';
import type { Pattern } from '@tercet/sdk/wire';

export type Options = {
  readonly pattern: Pattern;
  readonly clientCounts: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
  /** Another checkout to compare with, in place of the wire limit; null for none. */
  readonly against: { readonly folder: string; readonly pairs: number } | null;
  readonly database: 'mysql' | 'mariadb' | 'sqlite';
  /** A server that somebody else runs; null to start one. */
  readonly databaseUrl: string | null;
  /** Whether a Redis is started for the coordinator's wakes. */
  readonly redis: boolean;
  /** The share of transactions that the coordinator of this checkout traces; null for no tracing. */
  readonly tracing: number | null;
  readonly json: boolean;
  /** The folder that gets the coordinator's CPU profile; null for none. */
  readonly profile: string | null;
};

export const usage = `Usage: npm run bench -- [options]

  --pattern tcc          tcc or saga
  --clients 1,20,64,128  numbers of concurrent clients, one measurement each; with --against 64 unless given
  --seconds 5            how long one measurement takes, 1 to 3600
  --rounds 3             how often each is repeated, 1 to 100; the median is shown
  --against FOLDER       compare with the coordinator of another checkout of this repository, in place of the wire limit
  --pairs 10             how often both checkouts are measured, one after the other, 1 to 100; only with --against
  --database mysql       mysql, mariadb or sqlite, started for the run with full durability
  --database-url URL     mysql://USER:PASSWORD@HOST:PORT of a running server instead; the run makes a database of its
                         own there and drops it
  --redis on             on or off: whether a Redis is started too, which a coordinator of several replicas has
  --tracing SHARE        trace this share of the transactions, above 0 and up to 1, to a sink that counts and discards
                         spans; with --against only this checkout traces
  --json                 one JSON document on stdout, the table on stderr
  --profile FOLDER       also write a CPU profile of the coordinator there, and print where its time went; slows it
  --help                 this text
`;

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function readOptions(args: readonly string[]): Options | 'help' {
  const given = parse(args);
  if (given.help) return 'help';
  const { database, 'database-url': databaseUrl = null } = given;
  const against = againstOf(given);
  if (databaseUrl !== null) checkUrl(databaseUrl, database);
  return {
    pattern: patternOf(given.pattern ?? 'tcc'),
    clientCounts: (given.clients ?? (against === null ? '1,20,64,128' : '64'))
      .split(',')
      .map((count) => whole('--clients', count, 10_000)),
    seconds: whole('--seconds', given.seconds ?? '5', 3600),
    rounds: whole('--rounds', given.rounds ?? '3', 100),
    against,
    database: databaseOf(database ?? 'mysql'),
    databaseUrl,
    redis: switchOf('--redis', given.redis ?? 'on'),
    tracing: given.tracing === undefined ? null : shareOf('--tracing', given.tracing),
    json: given.json ?? false,
    profile: given.profile ?? null,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        pattern: { type: 'string' },
        clients: { type: 'string' },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        against: { type: 'string' },
        pairs: { type: 'string' },
        database: { type: 'string' },
        'database-url': { type: 'string' },
        redis: { type: 'string' },
        tracing: { type: 'string' },
        json: { type: 'boolean' },
        profile: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function againstOf({
  against: folder,
  pairs,
  rounds,
  profile,
}: ReturnType<typeof parse>): Options['against'] {
  if (folder === undefined) {
    if (pairs === undefined) return null;
    throw new UsageError('--pairs counts comparisons with another checkout: it needs --against FOLDER');
  }
  if (rounds !== undefined)
    throw new UsageError(
      '--rounds is for runs without --against: use --pairs to say how often both are measured',
    );
  if (profile !== undefined)
    throw new UsageError(
      '--profile slows one coordinator, so it excludes --against: profile each checkout by itself',
    );
  return { folder, pairs: whole('--pairs', pairs ?? '10', 100) };
}

function whole(option: string, text: string, max: number): number {
  const value = /^\d{1,6}$/.test(text.trim()) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw new UsageError(`${option}: “${text}” is no whole number from 1 to ${max}`);
}

function shareOf(option: string, text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : 0;
  if (value > 0 && value <= 1) return value;
  throw new UsageError(`${option}: “${text}” is no number above 0 and up to 1`);
}

function switchOf(option: string, text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new UsageError(`${option}: “${text}” is neither on nor off`);
}

function patternOf(name: string): Pattern {
  if (name === 'tcc' || name === 'saga') return name;
  throw new UsageError(`--pattern: “${name}” is neither tcc nor saga`);
}

function databaseOf(name: string): Options['database'] {
  if (name === 'mysql' || name === 'mariadb' || name === 'sqlite') return name;
  throw new UsageError(`--database: “${name}” is none of mysql, mariadb and sqlite`);
}

function checkUrl(text: string, database: string | undefined): void {
  const url = URL.parse(text);
  if (url === null || !/^(?:mysql|mariadb):$/.test(url.protocol))
    throw new UsageError('--database-url must be mysql://USER:PASSWORD@HOST:PORT');
  // A database that is in use would be filled with the transactions of the run.
  if (url.pathname.length > 1)
    throw new UsageError('--database-url names a server: leave the database out, the run makes its own');
  if (database !== undefined) throw new UsageError('--database and --database-url exclude each other');
}
