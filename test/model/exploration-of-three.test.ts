import { describe } from '@jest/globals';
import { CASES_OF_THREE } from './cases.ts';
import { exploreEach } from './explore-each.ts';

describe('every world of the protocol with three branches, within a bound of faults', () => {
  exploreEach(CASES_OF_THREE);
});
