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
 * It works on real stock: each scenario ends what it began, and some ten branches stay confirmed. So check a participant
 * that nobody else uses. Statuses show most of the rules; those on effects need numbers to look at: see `numbers.ts`.
 */
import { isRedirect } from './answer.ts';
import { Caller } from './caller.ts';
import { CATALOGUE, type Code, CODES } from './catalogue.ts';
import { Numbers } from './numbers.ts';
import { type CheckOptions, readOptions, type Settings } from './options.ts';
import { Judgement, type Report } from './report.ts';
import { SCENARIOS } from './scenarios/all.ts';
import { type Scenario, Trial, Unjudgeable } from './trial.ts';

export type { Code } from './catalogue.ts';
export type { CheckOptions } from './options.ts';
export type { Finding, Report } from './report.ts';

/**
 * Takes about a second for a healthy participant, and calls it some hundred times.
 *
 * @throws TypeError when the options make no sense; whatever the participant does is in the report
 */
export async function check(options: CheckOptions): Promise<Report> {
  const settings = readOptions(options);
  const codes = CODES.filter((code) => CATALOGUE[code].seenIn !== 'secrets' || settings.secrets.length > 0);
  const { judgement, caller, numbers } = benchOf(settings, codes);
  await numbers.begin();
  for (const scenario of SCENARIOS.filter(({ judges }) => judges.some((code) => codes.includes(code)))) {
    settings.onProgress(scenario.name);
    const trial = new Trial({ name: scenario.name, settings, caller, numbers, judgement });
    const reason = await runScenario(scenario, trial);
    if (reason !== null) judgement.abandon(scenario.judges, reason);
    // When not even a plain try succeeds, nothing of the rest can be asked.
    const isHopeless = reason !== null && scenario === SCENARIOS[0];
    await trial.cleanUp();
    if (isHopeless) return judgement.report(reason);
    if (caller.hasFallenSilent) return judgement.report('the participant answers no more');
  }
  if (numbers.blindness !== null) judgement.miss(codes.filter(isSeenInNumbers), numbers.blindness);
  return judgement.report('what was seen does not tell');
}

const isSeenInNumbers = (code: Code) => CATALOGUE[code].seenIn === 'numbers';

function benchOf(settings: Settings, codes: readonly Code[]) {
  const judgement = new Judgement(codes);
  const caller = new Caller(settings, ({ op, url }, answer) => {
    const what = `The ${op} at ${url} was answered ${answer.words}.`;
    if (answer.status !== null) judgement.judge('redirected', !isRedirect(answer), what);
  });
  const numbers = new Numbers(settings, (isConserved, what) =>
    judgement.judge('sum_not_conserved', isConserved, what),
  );
  return { judgement, caller, numbers };
}

/** Why the rest of the scenario could not be judged, or null. */
async function runScenario(scenario: Scenario, trial: Trial): Promise<string | null> {
  try {
    await trial.begin();
    await scenario.run(trial);
    return null;
  } catch (error) {
    if (error instanceof Unjudgeable) return error.message;
    throw error;
  }
}
