// How `npm run test:jaeger` runs: as the tests do, without their servers and without leaving counts for CI.
import base from './jest.config.mjs';

const { globalSetup, globalTeardown, ...shared } = base;

export default { ...shared, testMatch: ['<rootDir>/test/**/*.jaeger.ts'], reporters: ['default'] };
