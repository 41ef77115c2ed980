/**
 * The contract kit: drives a participant from outside, as a coordinator and a bad network would, and says in plain words
 * what is wrong with it and why that loses money. Any HTTP service in any language can be checked.
 *
 *   const { verdict, findings } = await check({
 *     baseUrl: 'http://127.0.0.1:4000',
 *     activity: 'reserve',
 *     payload: { item: 'mug', quantity: 1 },
 *     observeUrl: 'http://127.0.0.1:4000/numbers',
 *   });
 *
 * It works on real stock. Each scenario undoes what it began, but up to ten branches of a tcc stay confirmed, and so do the
 * actions of a kind that is never compensated. So check a participant that has no other callers. Statuses show most of the
 * rules; those on effects need numbers: see `numbers.ts`.
 */
import { shownUrl } from '../shown-url.ts';
import { isRedirect } from './answer.ts';
import { Caller } from './caller.ts';
import { CATALOGUE, CODES_OF } from './catalogue.ts';
import type { Code } from './codes.ts';
import { SumConservation, numberMissing } from './sum-conservation.ts';
import { ScenarioRunner } from './scenario-runner.ts';
import { NO_NUMBERS, Numbers } from './numbers.ts';
import { type CheckOptions, readOptions, type Settings } from './options.ts';
import { ACCEPTED } from './scenarios/accepted.ts';
import { Judgement, type Report } from './report.ts';

export type { Code } from './codes.ts';
export type { Kind } from './kinds.ts';
export type { CheckOptions } from './options.ts';
export type { Finding, Report } from './report.ts';

/**
 * Takes two to three seconds for a healthy participant, since it waits for a deadline, and calls it some hundred times.
 *
 * @throws TypeError when the options make no sense; whatever the participant does is in the report
 */
export async function check(options: CheckOptions): Promise<Report> {
  const settings = readOptions(options);
  const isSigned = settings.secrets.length > 0;
  const { judges: ofAccepted } = ACCEPTED[settings.kind];
  const codes = [...CODES_OF[settings.kind], ...ofAccepted].filter(
    (code) => isSigned || CATALOGUE[code].seenIn !== 'secrets',
  );
  const { judgement, caller, numbers, sumConservation } = partsOf(settings, codes);
  const noNumbers = await numbers.begin();
  if (noNumbers !== null) return judgement.reportNothingKept(noNumbers);
  const ending = await new ScenarioRunner({ codes, settings, judgement, caller, numbers }).run();
  if (ending?.isAtFirstScenario) return judgement.reportNothingKept(ending.because, ofAccepted);
  if (sumConservation.lacksAppliedNumber)
    judgement.abandon(['sum_not_conserved'], numberMissing(settings.kind));
  if (settings.hasNoNumbers) judgement.waive(codes.filter(isSeenInNumbers), NO_NUMBERS);
  else if (numbers.unusableBecause !== null)
    judgement.miss(codes.filter(isSeenInNumbers), numbers.unusableBecause);
  return judgement.report(ending?.because ?? 'what was seen does not tell');
}

const isSeenInNumbers = (code: Code) => CATALOGUE[code].seenIn === 'numbers';

function partsOf(settings: Settings, codes: readonly Code[]) {
  const judgement = new Judgement(codes);
  const caller = new Caller(settings, ({ op, url }, answer) => {
    const what = `The ${op} at ${shownUrl(url)} was answered ${answer.words}.`;
    if (answer.status !== null) judgement.judge('redirected', !isRedirect(answer), what);
  });
  const sumConservation = new SumConservation((isConserved, what) =>
    judgement.judge('sum_not_conserved', isConserved, what),
  );
  const numbers = new Numbers(settings, (snapshot, after) =>
    sumConservation.add(snapshot, after, caller.appliedCount),
  );
  return { judgement, caller, numbers, sumConservation };
}
