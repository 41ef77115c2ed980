import { describe, expect, test } from '@jest/globals';
import { SAGAS } from './saga-cases.ts';
import { EDGES, REJECTIONS, SAGA_EDGES } from './coverage.ts';
import type { Report } from './exploration.ts';
import { exploreEach } from './exploration-tests.ts';

const reports: Report[] = [];

describe('every world of a saga, within a bound of faults', () => {
  exploreEach(SAGAS, (report) => reports.push(report));
});

describe('the exploration of sagas reaches', () => {
  test.each(Object.keys({ ...EDGES, ...SAGA_EDGES }))('%s', (edge) => {
    expect(reports.some(({ ledger }) => ledger.edges.has(edge))).toBe(true);
  });

  const rejections = Object.entries(REJECTIONS).filter(([, where]) => where === 'explored in sagas');
  test.each(rejections)('the rejection %s', (code) => {
    expect(reports.flatMap(({ ledger }) => [...ledger.rejections] as string[])).toContain(code);
  });
});
