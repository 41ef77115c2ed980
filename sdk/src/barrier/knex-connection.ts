/**
 * The connection that Knex asks in the work of a pass, in place of the one of its pool: it passes statements by the gate, rejects
 * those that end the SQL transaction, and is closed when the work has settled. All of a `trx`, nested ones too, asks it.
 *
 * The first statement is answered without being sent: it is the BEGIN, or the SAVEPOINT, by which Knex makes a `trx`.
 */
import { type StatementGate, opEnded } from './statement-gate.ts';
import { endingFault } from './statement-guard.ts';
import type { Dialect } from './statements.ts';

export function knexConnection(connection: object, dialect: Dialect, gate: StatementGate): object {
  const asking: Asking = { connection, dialect, gate, isBegun: false };
  const method = dialect === 'sqlite' ? 'prepare' : 'query';
  const asked = dialect === 'sqlite' ? preparing(asking) : querying(asking);
  // What Knex notes on its connection ends with the pass.
  const noted = new Map<PropertyKey, unknown>();
  return new Proxy(connection, {
    get(target, key) {
      if (key === method) return asked;
      if (noted.has(key)) return noted.get(key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value;
    },
    set(_target, key, value) {
      noted.set(key, value);
      return true;
    },
  });
}

type Asking = {
  readonly connection: object;
  readonly dialect: Dialect;
  readonly gate: StatementGate;
  isBegun: boolean;
};

type Callback = (error: unknown, ...answer: unknown[]) => void;

function faultOf({ dialect, gate }: Asking, statement: unknown): Error | null {
  if (!gate.isClosed) return endingFault(dialect, statement);
  const error = opEnded();
  gate.reportUnfinished(error);
  return error;
}

/** Of mysql2 and pg, whose answers go to a callback. */
const querying =
  (asking: Asking) =>
  (...args: unknown[]): unknown => {
    const { connection, gate } = asking;
    const query = connection as { query(...args: unknown[]): unknown };
    const callback = args.at(-1) as Callback;
    if (typeof callback !== 'function') return streamed(asking, args);
    if (!asking.isBegun) {
      asking.isBegun = true;
      return process.nextTick(callback, null, { command: 'BEGIN', rows: [] }, []);
    }
    const fault = faultOf(asking, args[0]);
    if (fault !== null) return process.nextTick(callback, fault);
    const statement = () =>
      new Promise<unknown[]>((resolve, reject) => {
        const answered: Callback = (error, ...answer) => (error ? reject(error) : resolve(answer));
        query.query(...args.slice(0, -1), answered);
      });
    const answers = gate.send(statement) as Promise<unknown[]>;
    return void answers.then((answer) => callback(null, ...answer), callback);
  };

/** Its end is awaited as an answer is. */
function streamed(asking: Asking, args: readonly unknown[]): unknown {
  const fault = faultOf(asking, args[0]);
  if (fault !== null) throw fault;
  const stream = (asking.connection as { query(...args: unknown[]): unknown }).query(...args) as {
    once(event: string, ended: () => void): unknown;
  };
  const ends = ['end', 'error', 'close'];
  void asking.gate.send(
    () => new Promise<void>((resolve) => ends.forEach((event) => void stream.once(event, resolve))),
  );
  return stream;
}

/** Of better-sqlite3, whose statements answer at once. */
const preparing =
  (asking: Asking) =>
  (sql: string): unknown => {
    if (!asking.isBegun) {
      asking.isBegun = true;
      return { reader: false, safeIntegers: () => {}, run: () => ({ changes: 0, lastInsertRowid: 0 }) };
    }
    const fault = faultOf(asking, sql);
    if (fault !== null) throw fault;
    return (asking.connection as { prepare(sql: string): unknown }).prepare(sql);
  };
