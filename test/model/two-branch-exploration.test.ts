import { describe, expect, test } from '@jest/globals';
import { transition } from '../../src/domain/transition.ts';
import { CASES_OF_TWO } from './tcc-cases.ts';
import { EDGES, REJECTIONS } from './coverage.ts';
import type { Report } from './exploration.ts';
import { exploreEach } from './exploration-tests.ts';

const reports: Report[] = [];

describe('every world of the protocol with two branches, within a bound of faults', () => {
  exploreEach(CASES_OF_TWO, (report) => reports.push(report));
});

describe('the exploration reaches', () => {
  test.each(Object.keys(EDGES))('%s', (edge) => {
    expect(reports.some(({ ledger }) => ledger.edges.has(edge))).toBe(true);
  });

  const ofTcc = Object.entries(REJECTIONS).filter(([, where]) => where !== 'explored in sagas');
  test.each(ofTcc)('the refusal %s', (code, where) => {
    const explored = reports.flatMap(({ ledger }) => [...ledger.rejections] as string[]);
    if (where === 'explored') expect(explored).toContain(code);
    else if (typeof where !== 'string') expect(transition(null, where)).toEqual({ accepted: false, code });
  });
});
