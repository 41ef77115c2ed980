/**
 * Loaded into a coordinator on SQLite: counts every COMMIT that SQLite carries out, and tells the count when it is asked.
 * A server would tell it by itself; SQLite has no server, and nobody else may open the file.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';

// The copy that the coordinator loads, which may be another checkout's; that one is its working directory.
const requireThere = createRequire(join(process.cwd(), 'package.json'));
const SQLite: typeof import('better-sqlite3') = requireThere('better-sqlite3');

type Run = { run(this: { source: string }, ...values: unknown[]): unknown };

let commits = 0;

const empty = new SQLite(':memory:');
const statement = Object.getPrototypeOf(empty.prepare('SELECT 1')) as Run;
const run = statement.run;
statement.run = function (...values) {
  const result = run.apply(this, values);
  if (this.source === 'COMMIT') commits += 1;
  return result;
};
empty.close();

process.on('message', () => process.send?.({ commits }));
