/** Each op is asked for twice, one call after the other: what a coordinator does when it did not hear an answer. */
import { isDeepStrictEqual } from 'node:util';
import { type Answer, succeeded } from '../answer.ts';
import type { Code } from '../codes.ts';
import type { Scenario, Trial } from '../trial.ts';
import { One, one, type Opening, type Pair } from './pair.ts';

export const firstRepeated = (pair: Opening): Scenario => ({
  name: `${one(pair.first)} is repeated`,
  judges: [pair.codes.repeatedFirstRefused, pair.codes.repeatedFirstDiffers, pair.codes.firstTwice],
  async run(trial) {
    const { first: op, codes } = pair;
    const branch = trial.branch();
    const first = await trial.must(branch, op);
    const second = await trial.ask(branch, op);
    const what = `${One(op)} was answered ${first.words}, and its repetition ${second.words}.`;
    trial.judge(codes.repeatedFirstRefused, succeeded(second), what);
    await trial.judgeEffect(codes.firstTwice, { [op]: 1 }, what);
    if (succeeded(second)) judgeSameResult(trial, pair, first, second);
    else trial.miss(codes.repeatedFirstDiffers, `the repetition of ${one(op)} did not succeed`);
  },
});

export const confirmRepeated: Scenario = {
  name: 'a confirm is repeated',
  judges: ['repeated_confirm_refused', 'confirm_applied_twice'],
  async run(trial) {
    const branch = trial.branch();
    await trial.must(branch, 'try');
    const first = await trial.must(branch, 'confirm');
    const second = await trial.ask(branch, 'confirm');
    const what = `A confirm was answered ${first.words}, and its repetition ${second.words}.`;
    trial.judge('repeated_confirm_refused', succeeded(second), what);
    await judgeConfirmedOnce(trial, 'confirm_applied_twice', what);
  },
};

export const undoRepeated = ({ first: op, undo, codes }: Pair): Scenario => ({
  name: `a ${undo} is repeated`,
  judges: [codes.repeatedUndoRefused, codes.undoTwice],
  async run(trial) {
    const branch = trial.branch();
    await trial.must(branch, op);
    const first = await trial.must(branch, undo);
    const second = await trial.ask(branch, undo);
    const what = `A ${undo} was answered ${first.words}, and its repetition ${second.words}.`;
    trial.judge(codes.repeatedUndoRefused, succeeded(second), what);
    await trial.judgeEffect(codes.undoTwice, { [op]: 1, [undo]: 1 }, what);
  },
});

/** Where a single confirm shows in no number, two would not either. */
export async function judgeConfirmedOnce(trial: Trial, code: Code, what: string): Promise<void> {
  if (trial.effectOf('confirm')?.size === 0)
    trial.miss(code, 'a confirm shows in no number: observe what is confirmed as well');
  else await trial.judgeEffect(code, { try: 1, confirm: 1 }, what);
}

/** The bodies are compared as JSON where they are JSON: the order of keys means nothing. */
export function judgeSameResult(
  trial: Trial,
  { first: op, codes }: Opening,
  first: Answer,
  second: Answer,
): void {
  const isSame = isDeepStrictEqual(read(first.body), read(second.body));
  const what = `${One(op)} answered ${shown(first.body)}, and its repetition ${shown(second.body)}.`;
  trial.judge(codes.repeatedFirstDiffers, isSame, what);
}

function read(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

const shown = (body: string) => (body.length > 200 ? `${body.slice(0, 200)}…` : body || 'an empty body');
