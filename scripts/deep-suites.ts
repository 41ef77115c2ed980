/**
 * The suites that `npm run test:deep` runs and `npm test` leaves out: folders and files that take long, or need tools that
 * are large to fetch or build. `npm test` keeps within five minutes on two cores, `npm run test:deep` within 25.
 */
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');

export const deepSuites: readonly string[] = [
  // Every world within a bound, and what each mutant breaks.
  'test/model',
  // Real processes that are killed, raced, stopped and upgraded.
  'test/system',
  // The image, the chart and the compose file.
  'test/helm',
  'test/image',
  'test/compose',
  // The commands that measure and repeat.
  'test/bench',
  'test/repeat.test.ts',
  // Redis servers that lack rights, are shared, or form a cluster.
  'test/adapters/wake/bullmq-cluster.test.ts',
  'test/adapters/wake/bullmq-rights.test.ts',
  'test/adapters/wake/bullmq-two-systems.test.ts',
  // A client that is generated from the description of the API.
  'test/api',
  'test/monitoring/alerts.test.ts',
  'test/examples/demo.test.ts',
  // The contract kit against every faulty participant.
  'test/sdk/check',
  // Every driver: the contract over query builders and ORMs, storms of concurrent calls, and work that goes on after its op or rejects unheard.
  'test/sdk/barrier/barrier-by-library.test.ts',
  'test/sdk/barrier/concurrent-calls.test.ts',
  'test/sdk/barrier/unfinished-work.test.ts',
  'test/sdk/barrier/unhandled-rejections.test.ts',
  // Runners, compilers and frameworks that have the packed SDK.
  'test/sdk/package/matrix.test.ts',
  // Guides and examples that start servers and processes, from beginning to end.
  'test/docs/take-part.test.ts',
  'test/examples/numbered.test.ts',
];

const isFile = (suite: string): boolean => suite.endsWith('.ts');

/** @param path from the working directory, or absolute */
export function isDeep(path: string): boolean {
  const file = relative(root, path);
  return deepSuites.some((suite) => (isFile(suite) ? file === suite : file.startsWith(`${suite}/`)));
}

/** For Jest's `testMatch`. */
export const deepPatterns = deepSuites.map(
  (suite) => `<rootDir>/${suite}${isFile(suite) ? '' : '/**/*.test.ts'}`,
);

/** For Jest's `testPathIgnorePatterns`, which are regular expressions. */
export const deepPaths = deepSuites.map((suite) => `<rootDir>/${suite}${isFile(suite) ? '$' : '/'}`);
