// How `npm run test:deep` runs: as the tests do, but only the suites that take long or need tools that are large to fetch or build.
import base from './jest.config.mjs';
import { deepPatterns } from './scripts/deep-suites.ts';

const { testPathIgnorePatterns, ...shared } = base;
const tally = ['<rootDir>/test/support/jest-tally.mjs', { file: 'tests-deep.json' }];

export default {
  ...shared,
  testMatch: deepPatterns,
  reporters: ['default', tally, '<rootDir>/test/support/jest-slowest.mjs'],
};
