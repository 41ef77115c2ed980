/** What networks do to a single call: the caller hangs up, the body comes late, a stranger calls. */
import { newSecret } from '../../signature.ts';
import { type Answer, reasonOf, succeeded } from '../answer.ts';
import { hangUp, type SecondHalf, sendHalf } from '../broken-call.ts';
import { pause } from '../caller.ts';
import { type Branch, requestOf, type CallOptions } from '../request.ts';
import { type Scenario, type ScenarioContext, Unjudgeable } from '../scenario.ts';
import { OVER_SINCE_MS } from './deadline.ts';
import { withArticle, withCapitalArticle, type FirstOp, type OpPair } from './op-pair.ts';
import { judgeRefused } from './refused.ts';

/** For the other side to notice that the connection has ended, or that half of a body has come. */
const NOTICED_AFTER_MS = 20;

export const replyLost = ({ first: op, codes }: FirstOp): Scenario => ({
  name: `${withArticle(op)} whose answer is lost is asked for again`,
  judges: [codes.repeatedFirstRefused, codes.lostFirstTwice],
  async run(context) {
    for (const when of ['sent', 'answered'] as const) {
      await context.begin();
      const branch = context.branch();
      await hangUpOn(context, { branch, op, when });
      const again = await context.ask(branch, op);
      // A refusal means that the first call was forgotten only if there is stock for one that has nothing in common with it.
      if (again.reply === 'refused') await context.must(context.branch(), op);
      const hung =
        when === 'sent'
          ? `as soon as it had sent ${withArticle(op)}`
          : `when the answer to ${withArticle(op)} began to come`;
      const what = `The caller hung up ${hung}, and asked again: ${again.words}.`;
      context.judge(codes.repeatedFirstRefused, succeeded(again), what);
      await context.judgeEffect(codes.lostFirstTwice, { [op]: 1 }, what);
      await context.cleanUp();
    }
  },
});

export const bodyComesSlowly = ({ first: op, undo, codes }: OpPair): Scenario => ({
  name: `${withArticle(op)} whose body ends after its ${undo}`,
  judges: [codes.slowFirstAccepted, 'slow_caller_blocks_others'],
  async run(context) {
    const branch = context.branch();
    const finish = await sendHalfOf(context, branch, op);
    const undone = await context.askAllowingSilence(branch, undo);
    const meanwhile = `While only half of the body of ${withArticle(op)} had come, its ${undo} was answered: ${undone.words}`;
    context.judge('slow_caller_blocks_others', undone.status !== null, `${meanwhile}.`);
    if (!succeeded(undone)) {
      await finish();
      throw new Unjudgeable(meanwhile);
    }
    await context.begin();
    const answer = await finishCall(context, branch, op, finish);
    const what = `${withCapitalArticle(op)} whose body ended after its ${undo} was answered ${answer.words}.`;
    await judgeRefused(context, { op, code: codes.slowFirstAccepted, answer, what });
  },
});

/** As above, but what the other call ends is the pivot itself: its refusal stands. */
export const pivotComesSlowly: Scenario = {
  name: 'an action whose body ends after its refusal',
  judges: ['slow_pivot_accepted', 'slow_caller_blocks_others'],
  async run(context) {
    const branch = context.branch();
    const finish = await sendHalfOf(context, branch, 'action');
    const refused = await lateActionMeanwhile(context, branch);
    if (refused.reply !== 'refused') {
      await finish();
      throw new Unjudgeable(`an action after its deadline was answered ${refused.words}, and not refused`);
    }
    await context.begin();
    const answer = await finishCall(context, branch, 'action', finish);
    const what = `An action whose body ended after its refusal was answered ${answer.words}.`;
    await judgeRefused(context, { op: 'action', code: 'slow_pivot_accepted', answer, what });
  },
};

/** Both calls are too late, so that neither has an effect. */
export const lateBodyComesSlowly: Scenario = {
  name: 'an action whose body comes slowly',
  judges: ['slow_caller_blocks_others'],
  async run(context) {
    const finish = await sendHalfOf(context, context.branch(), 'action', pastDeadline());
    await lateActionMeanwhile(context, context.branch());
    await finish();
  },
};

const pastDeadline = (): CallOptions => ({ deadlineAt: Date.now() - OVER_SINCE_MS });

async function lateActionMeanwhile(context: ScenarioContext, branch: Branch): Promise<Answer> {
  const answer = await context.askAllowingSilence(branch, 'action', pastDeadline());
  const what = `While only half of the body of an action had come, another one was answered: ${answer.words}.`;
  context.judge('slow_caller_blocks_others', answer.status !== null, what);
  return answer;
}

export const callUnsigned = ({ first: op }: FirstOp): Scenario => ({
  name: `${withArticle(op)} without a signature, and one with a false one`,
  judges: ['unsigned_call_accepted'],
  async run(context) {
    for (const secrets of [[], [newSecret()]]) {
      const answer = await context.ask(context.branch(), op, { secrets });
      const how = secrets.length === 0 ? 'without a signature' : 'signed with another secret';
      const what = `${withCapitalArticle(op)} ${how} was answered ${answer.words}.`;
      context.judge('unsigned_call_accepted', !succeeded(answer), what);
    }
  },
});

export const kindUnsigned = ({ first: op }: FirstOp): Scenario => ({
  name: `${withArticle(op)} whose kind is not signed`,
  judges: ['signed_kind_ignored'],
  async run(context) {
    const { words, reply } = await context.ask(context.branch(), op, { signedKind: null });
    const what = `${withCapitalArticle(op)} with a kind that its webhook-id does not name was answered ${words}.`;
    context.judge('signed_kind_ignored', reply !== 'succeeded', what);
  },
});

type HangUpCall = {
  readonly branch: Branch;
  readonly op: FirstOp['first'];
  readonly when: 'sent' | 'answered';
};

async function hangUpOn({ settings }: ScenarioContext, { branch, op, when }: HangUpCall): Promise<void> {
  const call = requestOf(settings, branch, op);
  await hangUp(call, when, settings.callTimeoutMs).catch((error: unknown) => {
    const reason = reasonOf(error, settings.callTimeoutMs);
    throw new Unjudgeable(`${withArticle(op)} could not be sent by node:http: ${reason}`);
  });
  await pause(NOTICED_AFTER_MS);
}

async function sendHalfOf(
  { settings }: ScenarioContext,
  branch: Branch,
  op: FirstOp['first'],
  options: CallOptions = {},
): Promise<SecondHalf> {
  const call = requestOf(settings, branch, op, options);
  const finish = await sendHalf(call, settings.callTimeoutMs).catch((error: unknown) => {
    throw new Unjudgeable(
      `half ${withArticle(op)} could not be sent: ${reasonOf(error, settings.callTimeoutMs)}`,
    );
  });
  await pause(NOTICED_AFTER_MS);
  return finish;
}

/** A participant may well ask to come again; or it has given up on the slow one, which says nothing about the branch. */
async function finishCall(
  context: ScenarioContext,
  branch: Branch,
  op: FirstOp['first'],
  finish: SecondHalf,
): Promise<Answer> {
  const answer = await finish();
  const isOpen = answer.reply === 'ongoing' || answer.reply === 'unknown';
  if (isOpen) return context.ask(branch, op);
  // It did not pass the caller, which therefore has not noted yet that the branch is open again.
  if (succeeded(answer)) branch.isSettled = false;
  return answer;
}
