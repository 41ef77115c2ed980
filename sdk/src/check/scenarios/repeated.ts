/** Each op is asked for twice, one call after the other: what a coordinator does when it did not hear an answer. */
import { isDeepStrictEqual } from 'node:util';
import { type Answer, succeeded } from '../answer.ts';
import type { Code } from '../catalogue.ts';
import type { Scenario, Trial } from '../trial.ts';

export const tryRepeated: Scenario = {
  name: 'a try is repeated',
  judges: ['repeated_try_refused', 'repeated_try_differs', 'try_applied_twice'],
  async run(trial) {
    const branch = trial.branch();
    const first = await trial.must(branch, 'try');
    const second = await trial.ask(branch, 'try');
    const what = `A try was answered ${first.words}, and its repetition ${second.words}.`;
    trial.judge('repeated_try_refused', succeeded(second), what);
    await trial.judgeEffect('try_applied_twice', { try: 1 }, what);
    if (succeeded(second)) judgeSameResult(trial, first, second);
    else trial.miss('repeated_try_differs', 'the repetition of a try did not succeed');
  },
};

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

export const cancelRepeated: Scenario = {
  name: 'a cancel is repeated',
  judges: ['repeated_cancel_refused', 'cancel_applied_twice'],
  async run(trial) {
    const branch = trial.branch();
    await trial.must(branch, 'try');
    const first = await trial.must(branch, 'cancel');
    const second = await trial.ask(branch, 'cancel');
    const what = `A cancel was answered ${first.words}, and its repetition ${second.words}.`;
    trial.judge('repeated_cancel_refused', succeeded(second), what);
    await trial.judgeEffect('cancel_applied_twice', { try: 1, cancel: 1 }, what);
  },
};

/** Where a single confirm shows in no number, two would not either. */
export async function judgeConfirmedOnce(trial: Trial, code: Code, what: string): Promise<void> {
  if (trial.effectOf('confirm')?.size === 0)
    trial.miss(code, 'a confirm shows in no number: observe what is confirmed as well');
  else await trial.judgeEffect(code, { try: 1, confirm: 1 }, what);
}

/** The bodies are compared as JSON where they are JSON: the order of keys means nothing. */
export function judgeSameResult(trial: Trial, first: Answer, second: Answer): void {
  const isSame = isDeepStrictEqual(read(first.body), read(second.body));
  const what = `A try answered ${shown(first.body)}, and its repetition ${shown(second.body)}.`;
  trial.judge('repeated_try_differs', isSame, what);
}

function read(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

const shown = (body: string) => (body.length > 200 ? `${body.slice(0, 200)}…` : body || 'an empty body');
