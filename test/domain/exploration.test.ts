import { describe, expect, test } from '@jest/globals';
import { transition } from '../../src/domain/transition.ts';
import { CASES, wordsOf } from './cases.ts';
import { EDGES, REFUSALS } from './coverage.ts';
import { explore, type Report } from './exploration.ts';

const reports: Report[] = [];

describe('every world of the protocol within a bound of faults', () => {
  test.each(CASES.map((bounds) => ({ words: wordsOf(bounds), bounds })))('$words', ({ words, bounds }) => {
    const report = explore(bounds);
    reports.push(report);
    const worlds = `${report.worldCount} worlds, ${report.quiescentCount} quiescent`;
    process.stdout.write(`${words}: ${worlds}, ${report.seconds.toFixed(1)} s\n`);
    expect(report.violation?.message ?? 'none').toBe('none');
    expect(report.quiescentCount).toBeGreaterThan(0);
  }, 600_000);
});

describe('the exploration reaches', () => {
  test.each(Object.keys(EDGES))('%s', (edge) => {
    expect(reports.some(({ ledger }) => ledger.edges.has(edge))).toBe(true);
  });

  test.each(Object.entries(REFUSALS))('the refusal %s', (code, where) => {
    const explored = reports.flatMap(({ ledger }) => [...ledger.refusals] as string[]);
    if (where === 'explored') expect(explored).toContain(code);
    else expect(transition(null, where)).toEqual({ accepted: false, code });
  });
});
