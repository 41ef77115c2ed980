// The benchmark works: what it counts is right. How fast anything is, is no matter of a test.
import { describe, expect, test } from '@jest/globals';
import type { Report } from '../../bench/run.ts';
import { bench } from '../support/bench.ts';

/** Bounds a hang. */
const LIMIT_MS = 600_000;

describe('the benchmark', () => {
  test(
    'on SQLite: one JSON document, no errors, three journal rows a transaction, all commits counted',
    async () => {
      const { exitCode, stdout, stderr } = await bench(
        ...['--database', 'sqlite', '--clients', '2', '--seconds', '1', '--rounds', '1', '--json'],
      );
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('commits/tx') });
      const report: Report = JSON.parse(stdout);
      expect(report).toMatchObject({ database: expect.stringMatching(/^SQLite 3/), faults: [] });
      expect(report.stored).toEqual({
        transactionCount: report.acknowledged,
        confirmedCount: report.acknowledged,
      });
      const [result] = report.results;
      expect(result).toMatchObject({ clients: 2, errorCount: 0, journalRowsPerTransaction: 3 });
      // Two clients share a commit now and then, and never need more than three for a transaction.
      expect(result?.commitsPerTransaction).toBeGreaterThan(1);
      expect(result?.commitsPerTransaction).toBeLessThanOrEqual(3);
    },
    LIMIT_MS,
  );

  test(
    'sagas of two steps on SQLite: three journal rows each, the last with decision and end',
    async () => {
      const { exitCode, stdout, stderr } = await bench(
        ...['--pattern', 'saga', '--database', 'sqlite', '--redis', 'off'],
        ...['--clients', '2', '--seconds', '1', '--rounds', '1', '--json'],
      );
      expect({ exitCode, stderr }).toEqual({
        exitCode: 0,
        stderr: expect.stringContaining('saga: declared'),
      });
      const report: Report = JSON.parse(stdout);
      expect(report).toMatchObject({ pattern: 'saga', faults: [] });
      expect(report.results[0]).toMatchObject({ errorCount: 0, journalRowsPerTransaction: 3 });
    },
    LIMIT_MS,
  );

  test.each([
    [['--pattern', 'xa'], '--pattern: “xa” is neither tcc nor saga'],
    [['--clients', '0'], '--clients: “0” is no whole number from 1 to 10000'],
    [['--seconds', 'long'], '--seconds: “long” is no whole number'],
    [['--database', 'oracle'], '--database: “oracle” is none of mysql, mariadb and sqlite'],
    [['--database-url', 'mysql://root@host/shop'], 'leave the database out'],
    [['--tracing', '0'], '--tracing: “0” is no number above 0 and up to 1'],
    [['--tracing', '1.5'], '--tracing: “1.5” is no number above 0 and up to 1'],
    [['--tracing', 'all'], '--tracing: “all” is no number above 0 and up to 1'],
    [['--fast'], "Unknown option '--fast'"],
    [['--pairs', '3'], '--pairs counts comparisons with another checkout: it needs --against FOLDER'],
    [['--against', '.', '--pairs', '0'], '--pairs: “0” is no whole number from 1 to 100'],
    [['--against', '.', '--rounds', '3'], '--rounds is for runs without --against: use --pairs'],
    [['--against', '.', '--profile', 'folder'], 'so it excludes --against: profile each checkout by itself'],
    [['--against', 'docs'], 'docs is no checkout of this repository'],
  ])('refuses %j, and says how it is used', async (args, complaint) => {
    const { exitCode, stdout, stderr } = await bench(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(complaint);
    expect(stderr).toContain('Usage: npm run bench');
  });
});
