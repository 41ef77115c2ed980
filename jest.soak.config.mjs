// How `npm run test:soak` runs: by hand, for as long as its variables say, and without leaving counts for CI.
import base from './jest.config.mjs';

const { testPathIgnorePatterns, ...shared } = base;

export default {
  ...shared,
  testMatch: ['<rootDir>/test/soak/**/*.test.ts'],
  reporters: ['default'],
  maxWorkers: 1,
};
