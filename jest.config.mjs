// How the tests run: as ES modules on Node's own type stripping, two files at a time.
import { deepPaths } from './scripts/deep-suites.ts';

export default {
  testEnvironment: 'node',
  // The SDK from its sources, as everywhere in this repository.
  testEnvironmentOptions: { customExportConditions: ['tercet-source', 'node', 'node-addons'] },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...deepPaths, '<rootDir>/test/soak/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/jest-transform.mjs' },
  // Real servers, started once for the run when a selected test uses one.
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  setupFiles: ['<rootDir>/test/support/die-with-runner.mjs'],
  reporters: ['default', '<rootDir>/test/support/jest-tally.mjs', '<rootDir>/test/support/jest-slowest.mjs'],
  // .cache holds whole servers for tests; walking it costs seconds.
  modulePathIgnorePatterns: ['<rootDir>/.cache/'],
  maxWorkers: 2,
  // Bounds a hang only: no test is to fail because the machine is slow.
  testTimeout: 300_000,
};
