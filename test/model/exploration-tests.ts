/** One test for each case: it prints how many worlds there are, and fails with the trace to a broken one. */
import { expect, test } from '@jest/globals';
import { wordsOf } from './tcc-cases.ts';
import { type Case, explore, type Report } from './exploration.ts';

/** Long past what a quiet machine needs; a busy one may be ten times slower. */
const LIMIT_MS = 1_800_000;

export function exploreEach(cases: readonly Case[], onReport: (report: Report) => void = () => {}): void {
  test.each(cases.map((bounds) => ({ words: wordsOf(bounds), bounds })))(
    '$words',
    async ({ words, bounds }) => {
      const report = await explore(bounds);
      onReport(report);
      const worlds = `${report.worldCount} worlds, ${report.quiescentCount} quiescent`;
      process.stdout.write(`${words}: ${worlds}, ${report.seconds.toFixed(1)} s\n`);
      expect(report.violation?.message ?? 'none').toBe('none');
      expect(report.quiescentCount).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
}
