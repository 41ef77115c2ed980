import { describe } from '@jest/globals';
import { CASES_OF_THREE } from './tcc-cases.ts';
import { exploreEach } from './exploration-tests.ts';

describe('every world of the protocol with three branches, within a bound of faults', () => {
  exploreEach(CASES_OF_THREE);
});
