/** What networks do to a single call: the caller hangs up, the body comes late, a stranger calls. */
import { newSecret } from '../../signature.ts';
import { type Answer, reasonOf, succeeded } from '../answer.ts';
import { hangUp, type SecondHalf, sendHalf } from '../broken-call.ts';
import { pause } from '../caller.ts';
import { type Branch, requestOf } from '../request.ts';
import { type Scenario, type Trial, Unjudgeable } from '../trial.ts';
import { One, one, type Pair } from './pair.ts';
import { judgeRefused } from './refused.ts';

/** For the other side to notice that the connection has ended, or that half of a body has come. */
const NOTICED_AFTER_MS = 20;

export const replyLost = ({ first: op, codes }: Pair): Scenario => ({
  name: `${one(op)} whose answer is lost is asked for again`,
  judges: [codes.repeatedFirstRefused, codes.lostFirstTwice],
  async run(trial) {
    for (const when of ['sent', 'answered'] as const) {
      await trial.begin();
      const branch = trial.branch();
      await hangUpOn(trial, { branch, op, when });
      const again = await trial.ask(branch, op);
      const hung =
        when === 'sent' ? `as soon as it had sent ${one(op)}` : `when the answer to ${one(op)} began to come`;
      const what = `The caller hung up ${hung}, and asked again: ${again.words}.`;
      trial.judge(codes.repeatedFirstRefused, succeeded(again), what);
      await trial.judgeEffect(codes.lostFirstTwice, { [op]: 1 }, what);
      await trial.cleanUp();
    }
  },
});

export const bodyComesSlowly = ({ first: op, undo, codes }: Pair): Scenario => ({
  name: `${one(op)} whose body ends after its ${undo}`,
  judges: [codes.slowFirstAccepted, 'slow_caller_blocks_others'],
  async run(trial) {
    const branch = trial.branch();
    const finish = await sendHalfOf(trial, branch, op);
    const undone = await trial.listen(branch, undo);
    const meanwhile = `While only half of the body of ${one(op)} had come, its ${undo} was answered: ${undone.words}`;
    trial.judge('slow_caller_blocks_others', undone.status !== null, `${meanwhile}.`);
    if (!succeeded(undone)) {
      await finish();
      throw new Unjudgeable(meanwhile);
    }
    await trial.begin();
    const answer = await wholeAnswer(trial, branch, op, finish);
    const what = `${One(op)} whose body ended after its ${undo} was answered ${answer.words}.`;
    await judgeRefused(trial, { op, code: codes.slowFirstAccepted, answer, what });
  },
});

export const callUnsigned = ({ first: op }: Pair): Scenario => ({
  name: `${one(op)} without a signature, and one with a false one`,
  judges: ['unsigned_call_accepted'],
  async run(trial) {
    for (const secrets of [[], [newSecret()]]) {
      const answer = await trial.ask(trial.branch(), op, { secrets });
      const how = secrets.length === 0 ? 'without a signature' : 'signed with another secret';
      const what = `${One(op)} ${how} was answered ${answer.words}.`;
      trial.judge('unsigned_call_accepted', !succeeded(answer), what);
    }
  },
});

type HangingUp = {
  readonly branch: Branch;
  readonly op: Pair['first'];
  readonly when: 'sent' | 'answered';
};

async function hangUpOn({ settings }: Trial, { branch, op, when }: HangingUp): Promise<void> {
  const call = requestOf(settings, branch, op);
  await hangUp(call, when, settings.callTimeoutMs).catch((error: unknown) => {
    const reason = reasonOf(error, settings.callTimeoutMs);
    throw new Unjudgeable(`${one(op)} could not be sent by node:http: ${reason}`);
  });
  await pause(NOTICED_AFTER_MS);
}

async function sendHalfOf({ settings }: Trial, branch: Branch, op: Pair['first']): Promise<SecondHalf> {
  const call = requestOf(settings, branch, op);
  const finish = await sendHalf(call, settings.callTimeoutMs).catch((error: unknown) => {
    throw new Unjudgeable(`half ${one(op)} could not be sent: ${reasonOf(error, settings.callTimeoutMs)}`);
  });
  await pause(NOTICED_AFTER_MS);
  return finish;
}

/** A participant may well ask to come again; or it has given up on the slow one, which says nothing about the branch. */
async function wholeAnswer(
  trial: Trial,
  branch: Branch,
  op: Pair['first'],
  finish: SecondHalf,
): Promise<Answer> {
  const answer = await finish();
  const isOpen = answer.reply === 'ongoing' || answer.reply === 'unknown';
  if (isOpen) return trial.ask(branch, op);
  // It came by a way of its own, so nobody has noted yet that the branch is open again.
  if (succeeded(answer)) branch.isSettled = false;
  return answer;
}
