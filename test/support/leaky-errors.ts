/** Acts that fail with an error of ours, of a library, of Node or of the language whose text carries a value. */
import { strictEqual } from 'node:assert';
import { exec, execFile, execFileSync, execSync, spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { InProgress, Refusal } from '@tercet/sdk';
import SQLite from 'better-sqlite3';
import { DataSource, EntitySchema } from 'typeorm';
import { MARKS } from './marks.ts';

const mark = MARKS.payload;
const anything = mark as never;

const Item = new EntitySchema<{ name: string }>({
  name: 'item',
  columns: { name: { type: 'varchar', primary: true } },
});

async function withTypeorm<T>(act: (dataSource: DataSource) => Promise<T>): Promise<T> {
  const options = { database: ':memory:', entities: [Item], synchronize: true };
  const dataSource = await new DataSource({ type: 'better-sqlite3', ...options }).initialize();
  try {
    return await act(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

const TRIGGER =
  'CREATE TABLE item (name); CREATE TRIGGER t BEFORE INSERT ON item BEGIN ' +
  `SELECT RAISE(ABORT, 'UNIQUE constraint failed: ${mark}'); END; INSERT INTO item VALUES (1)`;

const STATEMENTS = [
  ['a literal that ends early', `CREATE TABLE item (name); INSERT INTO item VALUES ('O'${mark})`],
  ['a column', `SELECT ${mark}`],
  ['a function', `SELECT ${mark}(1)`],
  ['a column to write', `CREATE TABLE item (name); INSERT INTO item (${mark}) VALUES (1)`],
  ['a trigger', TRIGGER],
] as const;

const onSqlite = (driver: string, open: () => { exec(sql: string): unknown }) =>
  STATEMENTS.map(([what, sql]) => [`${driver}: ${what}`, () => open().exec(sql)] as const);

const circular = (): unknown => {
  const round: Record<string, unknown> = {};
  round[mark] = round;
  return round;
};

const failing = (message: string) => () => {
  throw new Error(message);
};

/** Its steps are no objects. */
const STEPPING = { [Symbol.iterator]: () => ({ next: (): IteratorResult<string> => anything }) };

async function* withProcessorSlot<T>(of: Iterable<T>): AsyncGenerator<T> {
  yield* of;
}

/** Its error says what it was given, without quotes. */
const semverOf = (version: string): unknown => new (createRequire(import.meta.url)('semver').SemVer)(version);

export const LEAKY: readonly (readonly [title: string, act: () => unknown])[] = [
  ['a path of a URL', failing(`request to http://127.0.0.1:9/accounts/${mark}/debit failed, reason: reset`)],
  ['a package that is not known', () => semverOf(mark)],
  ['a value that is applied', () => Reflect.apply(anything, null, [])],
  [
    'a property with a getter alone',
    () =>
      Object.assign(
        {
          get [mark]() {
            return 1;
          },
        },
        { [mark]: 2 },
      ),
  ],
  ['a step of an iterator', () => [...STEPPING]],
  ['a step of an iterator that is awaited', () => Array.fromAsync(withProcessorSlot(STEPPING))],
  ['JSON.parse', () => JSON.parse(`{"a": ${mark}}`)],
  ['JSON.parse of a text that is cut off', () => JSON.parse(`"${mark}`)],
  ['JSON.stringify of a circle', () => JSON.stringify(circular())],
  ['BigInt', () => BigInt(mark)],
  ['new RegExp', () => new RegExp(`${mark}(`)],
  ['new Map', () => new Map([anything])],
  ['Object.create', () => Object.create(anything)],
  ['a property that is redefined', () => Object.defineProperty(defined(), mark, { value: 2 })],
  ['a property that cannot be added', () => Object.assign(Object.freeze({}), { [mark]: 1 })],
  ['a property that is assigned', assigned],
  ['a property of nothing', () => (undefined as never as Record<string, unknown>)[mark]],
  ['a receiver of another kind', () => Map.prototype.get.call(anything, 1)],
  ['Buffer.alloc', () => Buffer.alloc(anything)],
  ['an encoding', () => Buffer.from('a', anything)],
  ['a currency', () => (1).toLocaleString('en', { style: 'currency', currency: mark })],
  ['an assertion', () => strictEqual(mark, 'x')],
  ['new URL', () => new URL(`//${mark}`)],
  ['new Headers', () => new Headers({ authorization: `${mark}\n${mark}` })],
  ['Headers.append', () => new Headers().append('authorization', `${mark}\n${mark}`)],
  ['fetch of no URL', () => fetch(mark)],
  ['fetch of a URL with a user', () => fetch(`http://user:${mark}@127.0.0.1:9/`)],
  ['fetch of a URL with a user and a query', () => fetch(`http://u:p@127.0.0.1:9/?token=${mark}`)],
  ['fetch with a broken header', () => fetch('http://127.0.0.1:9', { headers: { a: `${mark}\nx` } })],
  ['fetch with an option of no such value', () => fetch('http://127.0.0.1:9', { redirect: anything })],
  ['fetch with a text for its options', () => fetch('http://127.0.0.1:9', anything)],
  ['mysql2: a date', failing(`DATE parameter must be a valid Date, got ${mark}`)],
  ['mysql2: a number', failing(`LONG parameter must be an integer, got ${mark}`)],
  [
    'mysql2: a file',
    failing(`As a result of LOCAL INFILE command server wants to read /tmp/${mark}.csv file, but as of v2.0`),
  ],
  ...onSqlite('node:sqlite', () => new DatabaseSync(':memory:')),
  ...onSqlite('better-sqlite3', () => new SQLite(':memory:')),
  ['node:sqlite: a parameter', () => new DatabaseSync(':memory:').prepare('SELECT :a').run({ [mark]: 1 })],
  ['TypeORM: no entity', () => withTypeorm(({ manager }) => manager.findOneByOrFail(Item, { name: mark }))],
  [
    'TypeORM: no such property',
    () => withTypeorm(({ manager }) => manager.findBy(Item, { [mark]: 1 } as never)),
  ],
  [
    'TypeORM: a column to increment',
    () => withTypeorm(({ manager }) => manager.increment(Item, {}, mark, 1)),
  ],
  ['TypeORM: a statement', () => withTypeorm((dataSource) => dataSource.query(`SELECT ${mark}`))],
  ['a file', () => readFileSync(`/absent/${mark}/card`)],
  ['two files', () => renameSync(`/absent/${mark}`, `/absent/${mark}2`)],
  ['a folder that is removed as a file', () => inFolder((folder) => rmSync(folder))],
  ['a folder that is copied into itself', () => inFolder((folder) => cpSync(folder, join(folder, 'in')))],
  ['a socket', () => once(connect({ path: `/absent/${mark}.sock` }), 'never')],
  ['a socket to listen on', () => once(createServer().listen({ path: `/absent/${mark}.sock` }), 'never')],
  ['a program', () => once(spawn(`${mark} x`), 'never')],
  ['a program that is waited for', () => thrown(spawnSync(`${mark} x`).error)],
  ['a program with an argument', () => execFileSync(`${mark} x`, [mark])],
  ['a command that fails', () => promisify(exec)(`exit 3 # ${mark}`)],
  ['a command that is waited for', () => execSync(`exit 3 # ${mark}`, { stdio: 'ignore' })],
  ['a program that fails', () => promisify(execFile)(process.execPath, ['-e', 'process.exit(3)', mark])],
  ['a digest', () => createHmac(mark, 'key')],
  ['a port', () => connect({ port: anything })],
  ['structuredClone', () => structuredClone(Symbol(mark))],
  ['a refusal', () => thrown(new Error('ended', { cause: new Refusal(`there are not 4 of ${mark}`) }))],
  ['work in progress', () => thrown(new Error('ended', { cause: new InProgress(`${mark} is pending`) }))],
  ['a text', () => thrown(mark)],
  ['a list', () => thrown([mark])],
  ['an object', () => thrown({ mark })],
  ['a cause', () => thrown(new Error('not reserved', { cause: new Error(`"${mark}"`) }))],
  ['several lines', () => thrown(new Error(`not reserved\n${mark}`))],
  ['curly quotes', () => thrown(new Error(`not reserved: “${mark}”`))],
];

function inFolder(act: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), mark));
  try {
    act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function assigned(): void {
  const frozen: Record<string, number> = {};
  Object.freeze(frozen);
  frozen[mark] = 1;
}

function thrown(value: unknown): never {
  throw value;
}

const defined = () => Object.defineProperty({}, mark, { value: 1, configurable: false });
