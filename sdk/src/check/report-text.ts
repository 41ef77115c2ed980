/** The report as people read it on a terminal. */
import type { Finding, Report } from './report.ts';

export function reportText(report: Report): string {
  const { findings, notJudged, skipped } = report;
  const parts = [
    ...findings.map(paragraph),
    ...missed(notJudged),
    ...reasonsOf(skipped).map((reason) => `Skipped: ${reason}`),
    lastLine(report),
  ];
  return `${parts.join('\n\n')}\n`;
}

const paragraph = ({ code, rule, what, why, fix }: Finding): string =>
  [`✗ ${rule}  [${code}]`, `  Seen:  ${what}`, `  Costs: ${why}`, `  Fix:   ${fix}`].join('\n');

/** Rules that were not judged for the same reason stand together. */
function missed(notJudged: Report['notJudged']): string[] {
  return reasonsOf(notJudged).map((reason) => {
    const rules = notJudged.filter(({ because }) => because === reason).map(({ rule }) => `  – ${rule}`);
    // Of what not even began, the reason says more than the list.
    const list = rules.length > LONG_LIST ? [`  – ${rules.length} rules`] : rules;
    return [`Not judged: ${reason}`, ...list].join('\n');
  });
}

const reasonsOf = (rules: Report['notJudged']): string[] => [...new Set(rules.map(({ because }) => because))];

const LONG_LIST = 15;

function lastLine({ verdict, findings, judged, notJudged }: Report): string {
  const kept = judged.length - findings.length;
  if (verdict === 'passed' && notJudged.length > 0)
    return `Passed: all ${kept} rules that show without numbers are kept; ${notJudged.length} need numbers, and were not judged.`;
  if (verdict === 'passed') return `Passed: all ${kept} rules are kept.`;
  if (verdict === 'violated') return `Violated: ${findings.length} of ${judged.length} judged rules.`;
  if (judged.length === 0) return 'Nothing could be judged.';
  return `Not judged in full: ${kept} kept, ${notJudged.length} could not be judged.`;
}
