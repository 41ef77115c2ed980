// A Jest reporter that leaves the counts of a run in .cache/tests.json, or in the `file` of its options. From these .ci/run makes its
// last line.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export default class Tally {
  #path;

  constructor({ rootDir }, { file = 'tests.json' } = {}) {
    this.#path = join(rootDir, '.cache', file);
  }

  onRunComplete(_contexts, results) {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify(countsOf(results)));
  }
}

// A file that could not be loaded has no tests to count, so it counts as one that failed.
const countsOf = (results) => ({
  passed: results.numPassedTests,
  failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
  skipped: results.numPendingTests + results.numTodoTests,
});
