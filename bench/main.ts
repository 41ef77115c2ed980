/**
 * The benchmark: how many durable transactions a coordinator carries out, beside what the wire alone would allow.
 *
 *   npm run bench                                     1, 20, 64 and 128 clients on a MySQL of its own
 *   npm run bench -- --clients 64 --rounds 5          closer at one of them
 *   npm run -s bench -- --json > figures.json         for a program; people read the table on stderr
 *   npm run bench -- --pattern saga                   sagas of two steps
 *   npm run bench -- --against ../before --pairs 10   this checkout and another one, alternating
 *   npm run bench -- --against ../before --tracing 0.1   the same, and this checkout traces a tenth of the transactions
 *   npm run bench -- --help                           every option
 *
 * The case: a declared transaction of two branches, asked for with `Prefer: wait`: one request in, two tries, two
 * confirms, and an answer once all of it is durable; or a saga of two steps, one after the other. Each client is one connection that asks again when it has its answer.
 *
 * Machines differ, so what counts are ratios within one run. By turns with the coordinator runs the wire limit: the same
 * HTTP server, schemas and participant client, with store and protocol cut out. Coordinator, wire limit, participants,
 * load and database are a process each and share the machine.
 *
 * With `--against FOLDER` there is no wire limit. The coordinators of this checkout and of FOLDER alternate: A then B, then B
 * then A. Load, participants, database server and Redis are this checkout's; each coordinator has a database of its own, with
 * the schema of its own checkout. The figure to judge a change by is the median ratio within a pair: of tx/s, and of CPU
 * seconds per transaction, which other work on the machine disturbs less. Both coordinators stay started. An idle one scans
 * for overdue transactions every second and keeps its Redis workers waiting: about 1 % of a core.
 *
 * With `--tracing SHARE` the coordinator of this checkout sends the spans of that share of the transactions to a sink, a process of
 * its own, which counts and discards them. The CPU seconds per transaction are those of the coordinator, without the sink.
 *
 * Exit code 0: every transaction was confirmed, and the database holds as many as the clients were answered. 1: not so, or
 * it could not run. 2: the options are wrong. 130: interrupted.
 */
import { type AgainstReport, runAgainst } from './against.ts';
import { againstTable } from './against-report.ts';
import { type Checkout, otherCheckout } from './checkout.ts';
import { type Options, readOptions, UsageError, usage } from './options.ts';
import { printProfile } from './profile.ts';
import { tableOf, writeReport } from './report.ts';
import { type Report, run } from './run.ts';

const opened = new AsyncDisposableStack();
let isInterrupted = false;

// npm passes a Ctrl-C on that the terminal has sent already: the second one must not cut the leaving short.
for (const [signal, exitCode] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }))
  process.on(signal, () => {
    if (isInterrupted) return;
    isInterrupted = true;
    void leave(exitCode);
  });

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(usage);
  else {
    const { faults } = await (options.against === null
      ? besideWireLimit(options)
      : againstCheckout(options, options.against));
    await leave(faults.length === 0 ? 0 : 1);
  }
} catch (error) {
  if (!isInterrupted) await complain(error as Error);
}

async function besideWireLimit(options: Options): Promise<Report> {
  const report = await run(options, opened);
  writeReport(report, tableOf(report), options.json);
  if (options.profile !== null) printProfile(options.profile);
  return report;
}

async function againstCheckout(
  options: Options,
  { folder, pairs }: NonNullable<Options['against']>,
): Promise<AgainstReport> {
  const report = await runAgainst(options, { other: checkoutIn(folder), pairs }, opened);
  writeReport(report, againstTable(report), options.json);
  return report;
}

function checkoutIn(folder: string): Checkout {
  try {
    return otherCheckout(folder);
  } catch (error) {
    throw new UsageError(`--against: ${(error as Error).message}`);
  }
}

/** Stops every child and removes every folder, whatever of them there is yet. */
async function leave(exitCode: number): Promise<void> {
  // What is not gone by itself by then goes with this process: each child watches a pipe to it.
  setTimeout(() => process.exit(exitCode), 15_000).unref();
  await opened.disposeAsync().catch((error) => process.stderr.write(`bench: ${error}\n`));
  process.exit(exitCode);
}

async function complain(error: Error): Promise<void> {
  if (error instanceof UsageError) {
    process.stderr.write(`bench: ${error.message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  process.stderr.write(`bench: it could not run: ${error.message}\n`);
  await leave(1);
}
