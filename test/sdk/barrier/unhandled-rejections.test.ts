// Parts of an op or of a listener that fail and that nothing awaits, in a process that goes on after unhandled rejections.
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { describeOn, type SharedServer } from '../../support/servers.ts';
import { libraries } from './libraries.ts';
import { NODE_FROM_SOURCE, run } from '../check/program.ts';

const PROGRAM = fileURLToPath(new URL('unhandled-rejections.ts', import.meta.url));

const UNDONE = { failed: expect.any(String), effects: 0, again: 'done' };

const suite = (driver: string) => (server: Pick<SharedServer, 'createDatabase'>) =>
  test.each([
    ['a listener for rejections', 'unhandledRejection', 9],
    ['a listener for uncaught exceptions', 'uncaughtException', 9],
    ['a listener for rejections that is removed later', 'removed', 1],
    ['--unhandled-rejections=none', 'none', 0],
    ['--unhandled-rejections=warn', 'none', 0],
    ['--unhandled-rejections=warn-with-error-code', 'none', 0],
  ])('%s does not let work count as done in part', async (title, event, handled) => {
    const flags = title.startsWith('--') ? [title, '--no-warnings'] : [];
    const args = [...NODE_FROM_SOURCE, ...flags, PROGRAM, event, driver, await server.createDatabase()];
    const { stdout, stderr } = await run(process.execPath, args);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      atTheEnd: UNDONE,
      statement: UNDONE,
      statementOfPivot: UNDONE,
      outside: UNDONE,
      listener: 503,
      driver: { ...UNDONE, failed: 'UnfinishedWork' },
      driverOutside: UNDONE,
      driverOfListener: 503,
      handled,
      itself: { ...UNDONE, failed: 'UnfinishedWork' },
    });
  });

describeOn(['mysql', 'mariadb'], 'by mysql2,', suite('mysql2'));
describeOn(['postgres'], 'by pg,', suite('pg'));
describeOn(['mysql', 'mariadb', 'postgres'], 'by TypeORM,', suite('typeorm'));
for (const { name, servers } of libraries) describeOn(servers, `by ${name},`, suite(name));

const inMemory = { createDatabase: async () => '' };
describe('by Knex on SQLite,', () => suite('knexOnSqlite')(inMemory));
describe('by Prisma on SQLite,', () => suite('prismaOnSqlite')(inMemory));
