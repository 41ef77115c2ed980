/** What networks do to a single call: the caller hangs up, the body comes late, a stranger calls. */
import { newSecret } from '../../signature.ts';
import { type Answer, reasonOf, succeeded } from '../answer.ts';
import { hangUp, type SecondHalf, sendHalf } from '../broken-call.ts';
import { pause } from '../caller.ts';
import { type Branch, requestOf } from '../request.ts';
import { type Scenario, type Trial, Unjudgeable } from '../trial.ts';
import { judgeRefusedTry } from './refused-try.ts';

/** For the other side to notice that the connection has ended, or that half of a body has come. */
const NOTICED_AFTER_MS = 20;

export const replyLost: Scenario = {
  name: 'a try whose answer is lost is asked for again',
  judges: ['repeated_try_refused', 'lost_reply_applied_twice'],
  async run(trial) {
    for (const when of ['sent', 'answered'] as const) {
      await trial.begin();
      const branch = trial.branch();
      await hangUpOn(trial, branch, when);
      const again = await trial.ask(branch, 'try');
      const hung =
        when === 'sent' ? 'as soon as it had sent a try' : 'when the answer to a try began to come';
      const what = `The caller hung up ${hung}, and asked again: ${again.words}.`;
      trial.judge('repeated_try_refused', succeeded(again), what);
      await trial.judgeEffect('lost_reply_applied_twice', { try: 1 }, what);
      await trial.cleanUp();
    }
  },
};

export const bodyComesSlowly: Scenario = {
  name: 'a try whose body ends after its cancel',
  judges: ['slow_try_accepted', 'slow_caller_blocks_others'],
  async run(trial) {
    const branch = trial.branch();
    const finish = await sendHalfOf(trial, branch);
    const cancel = await trial.listen(branch, 'cancel');
    const meanwhile = `While only half of the body of a try had come, its cancel was answered: ${cancel.words}`;
    trial.judge('slow_caller_blocks_others', cancel.status !== null, `${meanwhile}.`);
    if (!succeeded(cancel)) {
      await finish();
      throw new Unjudgeable(meanwhile);
    }
    await trial.begin();
    const answer = await wholeAnswer(trial, branch, finish);
    const what = `A try whose body ended after its cancel was answered ${answer.words}.`;
    await judgeRefusedTry(trial, { code: 'slow_try_accepted', answer, what });
  },
};

export const callUnsigned: Scenario = {
  name: 'a try without a signature, and one with a false one',
  judges: ['unsigned_call_accepted'],
  async run(trial) {
    for (const secrets of [[], [newSecret()]]) {
      const answer = await trial.ask(trial.branch(), 'try', { secrets });
      const how = secrets.length === 0 ? 'without a signature' : 'signed with another secret';
      const what = `A try ${how} was answered ${answer.words}.`;
      trial.judge('unsigned_call_accepted', !succeeded(answer), what);
    }
  },
};

async function hangUpOn(trial: Trial, branch: Branch, when: 'sent' | 'answered'): Promise<void> {
  const { settings } = trial;
  const call = requestOf(settings, branch, 'try');
  await hangUp(call, when, settings.callTimeoutMs).catch((error: unknown) => {
    throw new Unjudgeable(`a try could not be sent by node:http: ${reasonOf(error, settings.callTimeoutMs)}`);
  });
  await pause(NOTICED_AFTER_MS);
}

async function sendHalfOf(trial: Trial, branch: Branch): Promise<SecondHalf> {
  const { settings } = trial;
  const call = requestOf(settings, branch, 'try');
  const finish = await sendHalf(call, settings.callTimeoutMs).catch((error: unknown) => {
    throw new Unjudgeable(`half a try could not be sent: ${reasonOf(error, settings.callTimeoutMs)}`);
  });
  await pause(NOTICED_AFTER_MS);
  return finish;
}

/** A participant may well ask to come again; or it has given up on the slow one, which says nothing about the branch. */
async function wholeAnswer(trial: Trial, branch: Branch, finish: SecondHalf): Promise<Answer> {
  const answer = await finish();
  const isOpen = answer.reply === 'ongoing' || answer.reply === 'unknown';
  if (isOpen) return trial.ask(branch, 'try');
  // It came by a way of its own, so nobody has noted yet that the branch is open again.
  if (succeeded(answer)) branch.isSettled = false;
  return answer;
}
