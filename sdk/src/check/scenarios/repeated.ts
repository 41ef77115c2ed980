/** Each op is asked for twice, one call after the other: what a coordinator does when it did not receive an answer. */
import { isDeepStrictEqual } from 'node:util';
import { type Answer, succeeded } from '../answer.ts';
import type { Code } from '../codes.ts';
import type { Scenario, ScenarioContext } from '../scenario.ts';
import { withArticle, withCapitalArticle, type FirstOp, type OpPair } from './op-pair.ts';

export const firstRepeated = (pair: FirstOp): Scenario => ({
  name: `${withArticle(pair.first)} is repeated`,
  judges: [pair.codes.repeatedFirstRefused, pair.codes.repeatedFirstDiffers, pair.codes.firstTwice],
  async run(context) {
    const { first: op, codes } = pair;
    const branch = context.branch();
    const first = await context.must(branch, op);
    const second = await context.ask(branch, op);
    const what = `${withCapitalArticle(op)} was answered ${first.words}, and its repetition ${second.words}.`;
    context.judge(codes.repeatedFirstRefused, succeeded(second), what);
    await context.judgeEffect(codes.firstTwice, { [op]: 1 }, what);
    if (succeeded(second)) judgeSameResult(context, pair, first, second);
    else context.miss(codes.repeatedFirstDiffers, `the repetition of ${withArticle(op)} did not succeed`);
  },
});

export const confirmRepeated: Scenario = {
  name: 'a confirm is repeated',
  judges: ['repeated_confirm_refused', 'confirm_applied_twice'],
  async run(context) {
    const branch = context.branch();
    await context.must(branch, 'try');
    const first = await context.must(branch, 'confirm');
    const second = await context.ask(branch, 'confirm');
    const what = `A confirm was answered ${first.words}, and its repetition ${second.words}.`;
    context.judge('repeated_confirm_refused', succeeded(second), what);
    await judgeConfirmedOnce(context, 'confirm_applied_twice', what);
  },
};

export const undoRepeated = ({ first: op, undo, codes }: OpPair): Scenario => ({
  name: `a ${undo} is repeated`,
  judges: [codes.repeatedUndoRefused, codes.undoTwice],
  async run(context) {
    const branch = context.branch();
    await context.must(branch, op);
    const first = await context.must(branch, undo);
    const second = await context.ask(branch, undo);
    const what = `A ${undo} was answered ${first.words}, and its repetition ${second.words}.`;
    context.judge(codes.repeatedUndoRefused, succeeded(second), what);
    await context.judgeEffect(codes.undoTwice, { [op]: 1, [undo]: 1 }, what);
  },
});

/** Where a single confirm shows in no number, two would not either. */
export async function judgeConfirmedOnce(context: ScenarioContext, code: Code, what: string): Promise<void> {
  if (context.effectOf('confirm')?.size === 0)
    context.miss(code, 'a confirm shows in no number: observe what is confirmed as well');
  else await context.judgeEffect(code, { try: 1, confirm: 1 }, what);
}

/** The bodies are compared as JSON where they are JSON: the order of keys means nothing. */
export function judgeSameResult(
  context: ScenarioContext,
  { first: op, codes }: FirstOp,
  first: Answer,
  second: Answer,
): void {
  const isSame = isDeepStrictEqual(read(first.body), read(second.body));
  const what = `${withCapitalArticle(op)} answered ${shown(first.body)}, and its repetition ${shown(second.body)}.`;
  context.judge(codes.repeatedFirstDiffers, isSame, what);
}

function read(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

const shown = (body: string) => (body.length > 200 ? `${body.slice(0, 200)}…` : body || 'an empty body');
