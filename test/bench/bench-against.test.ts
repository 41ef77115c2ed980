// The comparison of two checkouts: each coordinator is started as its own checkout says, and what it answers is counted.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AgainstReport } from '../../bench/against.ts';
import { resultOfPairs } from '../../bench/against-result.ts';
import { otherCheckout } from '../../bench/checkout.ts';
import type { Measurement } from '../../bench/measure.ts';
import { bench } from '../support/bench.ts';
import { describeOn } from '../support/servers.ts';

const repository = join(import.meta.dirname, '../..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-checkout-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writePackage(start: string): void {
  const scripts = { start, migrate: 'node scripts/guard.mjs && exec node src/migrate.ts' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', scripts }));
}

describeOn(['mysql'], 'a comparison of this checkout with itself', (server) => {
  test('measures both in alternating order, and both databases hold what clients were answered', async () => {
    const { exitCode, stdout, stderr } = await bench(
      ...['--against', '.', '--pairs', '2', '--seconds', '1', '--clients', '4', '--json'],
      ...['--database-url', server.url],
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('db cpu s') });
    const report: AgainstReport = JSON.parse(stdout);
    expect(report).toMatchObject({ pairCount: 2, faults: [], results: [{ clients: 4 }] });
    for (const { acknowledged, stored, folder } of Object.values(report.checkouts)) {
      expect(acknowledged).toBeGreaterThan(0);
      expect(stored).toEqual({ transactionCount: acknowledged, confirmedCount: acknowledged });
      expect(folder).toBe(repository);
    }
    const [first, second, ...more] = report.results[0]!.pairs;
    expect(more).toEqual([]);
    expect(first!.this.endedAt).toBeLessThanOrEqual(first!.other.beganAt);
    expect(second!.other.endedAt).toBeLessThanOrEqual(second!.this.beganAt);
  });
});

describe('the other checkout', () => {
  test('is started by its own script in its own folder, without tracing, and transactions missing in its database are reported', async () => {
    writePackage('exec node --conditions=some ./liar.mjs');
    installLiar();
    const { exitCode, stdout, stderr } = await bench(
      ...['--against', folder, '--pairs', '1', '--seconds', '1', '--clients', '2'],
      ...['--database', 'sqlite', '--redis', 'off', '--tracing', '1'],
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: expect.stringContaining(folder) });
    expect(stderr).toMatch(
      /WRONG: the other checkout: [1-9]\d* transactions were acknowledged as confirmed; the database holds 0/,
    );
    expect(stderr).not.toContain('WRONG: this checkout');
  });

  test('has the flags and the file of its start script', () => {
    writePackage('node scripts/guard.mjs && exec node --import ./src/tracing.ts src/main.ts');
    installModules();
    expect(otherCheckout(folder)).toEqual({
      folder,
      node: process.execPath,
      migrate: ['src/migrate.ts'],
      start: ['--import', './src/tracing.ts', 'src/main.ts'],
    });
  });

  test.each([
    'node "src/main.ts"',
    'TERCET_PORT=1 node src/main.ts',
    'node src/main.ts | pino-pretty',
    'npm run build',
  ])('whose start script is “%s” is refused: only a shell could read it', (start) => {
    writePackage(start);
    expect(() => otherCheckout(folder)).toThrow(
      /script “start” of .* does not end in a plain command of node/,
    );
  });

  test('that is none is refused, with how to make one', () => {
    expect(() => otherCheckout(folder)).toThrow(/is no checkout of this repository.*`git worktree add/);
    expect(() => otherCheckout(join(folder, 'absent'))).toThrow(/is no checkout of this repository/);
  });

  test('whose dependencies are not installed, or are those of another lock file, is refused with what to run', () => {
    const advice = /the dependencies of .* are not installed: run `node scripts\/setup.mjs` there/;
    writePackage('node src/main.ts');
    for (const name of ['guard.mjs', 'installed.mjs'])
      cpSync(join(repository, 'scripts', name), join(folder, 'scripts', name));
    expect(() => otherCheckout(folder)).toThrow(advice);
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, 'node_modules', '.tercet-setup'), 'of another lock file');
    expect(() => otherCheckout(folder)).toThrow(advice);
  });

  test('whose node_modules is a link is refused: the SDK would be that of another checkout', () => {
    writePackage('node src/main.ts');
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
    expect(() => otherCheckout(folder)).toThrow(/node_modules is a link: remove it, and run `node scripts/);
  });
});

test('ratios are taken within each pair: neither figure of one pair meets the other of the next', () => {
  const pairs = [
    { this: measured(100), other: measured(50) },
    { this: measured(30), other: measured(10) },
    { this: measured(10), other: measured(40) },
  ];
  const { figures } = resultOfPairs(64, pairs);
  expect(figures.perSecond).toEqual({ this: 30, other: 40, ratio: { median: 2, min: 0.25, max: 3 } });
  // A server that somebody else runs does not report its CPU time.
  expect(figures.databaseCpuSecondsPer1000).toEqual({ this: null, other: null, ratio: null });
});

const measured = (perSecond: number): Measurement => ({
  beganAt: 0,
  endedAt: 1,
  transactionCount: 1,
  perSecond,
  p50Ms: 1,
  p99Ms: 1,
  errorCount: 0,
  errors: [],
  cpuSecondsPer1000: { target: 1, database: null, participants: 1, load: 1 },
  commitsPerTransaction: null,
  logSyncsPerTransaction: null,
  redisCommandsPerTransaction: null,
});

/** Enough of an installed checkout: a guard that has no complaint, and the database driver. */
function installModules(): void {
  mkdirSync(join(folder, 'scripts'));
  writeFileSync(join(folder, 'scripts', 'guard.mjs'), '');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(
    join(repository, 'node_modules', 'better-sqlite3'),
    join(folder, 'node_modules', 'better-sqlite3'),
  );
}

/** A coordinator that says “confirmed” to everything and stores nothing. It does not start with a variable of OpenTelemetry. */
function installLiar(): void {
  installModules();
  const code = `
    import { createServer } from 'node:http';
    import SQLite from 'better-sqlite3';
    const { TERCET_DATABASE_URL, TERCET_PORT } = process.env;
    if (Object.keys(process.env).some((name) => name.startsWith('OTEL_'))) throw new Error('it is to trace');
    new SQLite(TERCET_DATABASE_URL.replace('sqlite:', '')).exec('CREATE TABLE global_transaction (status TEXT)');
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.end('{"status":"confirmed"}'));
    });
    server.listen(Number(TERCET_PORT), '127.0.0.1');`;
  writeFileSync(join(folder, 'liar.mjs'), code);
}
