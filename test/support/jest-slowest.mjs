// A Jest reporter that ends a run with its slowest files, so that a file which becomes slow is noticed.
// Only Jest's own summary comes after it: Jest adds that last. It writes to standard error, as Jest's reports do.
import { relative } from 'node:path';

const SHOWN_COUNT = 10;

export default class Slowest {
  #rootDir;

  constructor({ rootDir }) {
    this.#rootDir = rootDir;
  }

  onRunComplete(_contexts, { testResults }) {
    const lines = slowestFiles(testResults, this.#rootDir);
    // For one file Jest's own line has its time.
    if (testResults.length > 1)
      process.stderr.write(`\nThe slowest files, in seconds:\n${lines.join('\n')}\n`);
  }
}

/** One line each, the slowest first. */
export function slowestFiles(testResults, rootDir) {
  return testResults
    .toSorted((one, other) => other.perfStats.runtime - one.perfStats.runtime)
    .slice(0, SHOWN_COUNT)
    .map(({ perfStats, testFilePath }) => {
      const seconds = (perfStats.runtime / 1000).toFixed(1).padStart(7);
      return `${seconds}  ${relative(rootDir, testFilePath)}`;
    });
}
