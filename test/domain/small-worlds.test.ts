/** A small part of the exploration, for every run. test/model explores all worlds within the bound, and its mutants. */
import { describe } from '@jest/globals';
import { SMALL_CASES } from '../model/tcc-cases.ts';
import { SMALL_SAGAS } from '../model/saga-cases.ts';
import { exploreEach } from '../model/exploration-tests.ts';

/** Stalls multiply the worlds of an interactive transaction by a hundred. */
const seconds = SMALL_CASES.map((bounds) =>
  bounds.mode === 'interactive' ? { ...bounds, budget: { ...bounds.budget, stalls: 0 } } : bounds,
);

describe('no invariant is broken in any small world of tcc', () => exploreEach(seconds));
describe('no invariant is broken in any small world of sagas', () => exploreEach(SMALL_SAGAS));
