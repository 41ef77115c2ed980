/**
 * What one scenario works with: branches of its own, calls for them, and judgements of their answers and effects.
 *
 * A scenario has a number of steps that must go as expected for its question to be asked at all. Where one does not, the
 * scenario ends as unjudgeable, and the report says why its rules were not judged.
 */
import { randomBytes } from 'node:crypto';
import { shownUrl } from '../shown-url.ts';
import { type Answer, isRedirect, succeeded } from './answer.ts';
import { type Caller, pause } from './caller.ts';
import type { Code } from './codes.ts';
import { newGid } from '../gid.ts';
import {
  type Difference,
  differenceOf,
  type EffectCounts,
  differenceText,
  type Snapshot,
  type Numbers,
  plus,
} from './numbers.ts';
import type { Op } from '../../../src/wire/index.ts';
import { type Kind, UNDO_OF } from './kinds.ts';
import type { Settings } from './options.ts';
import { problemIn, wordsOf } from './problem.ts';
import type { Judgement } from './report.ts';
import type { Branch, CallOptions } from './request.ts';
import { QUANTITY_NEEDED } from './quantity-needed.ts';

export type Scenario = {
  /** What is done, in a few words: “a try is repeated”. */
  readonly name: string;
  /** The rules that are not judged when the scenario ends early, unless it has found a violation by then. */
  readonly judges: readonly Code[];
  readonly run: (context: ScenarioContext) => Promise<void>;
};

/** A scenario whose second part waits for a point in time. Others run in between, so that no time is lost. */
export type LongScenario = Pick<Scenario, 'name' | 'judges'> & {
  readonly begin: (context: ScenarioContext) => Promise<SecondPart>;
};

export type SecondPart = {
  /** When to go on, in milliseconds since 1970. */
  readonly dueAt: number;
  readonly run: () => Promise<void>;
};

/** The question of a scenario could not be asked. The message is a sentence of the report. */
export class Unjudgeable extends Error {
  override readonly name = 'Unjudgeable';
}

/** Ends the check: nothing that is asked from here on would be judged correctly. */
export class CheckAborted extends Unjudgeable {}

/** How long the numbers are given to show what was answered as done. */
const MAX_LATE_SNAPSHOTS = 6;
const SNAPSHOT_INTERVAL_MS = 50;

const DEADLINE_MS = 60_000;
/** Of a step after the pivot, as the coordinator sends it. */
const FINAL_DEADLINE_MS = 86_400_000;

export class ScenarioContext {
  readonly settings: Settings;
  readonly #name: string;
  readonly #caller: Caller;
  readonly #numbers: Numbers;
  readonly #judgement: Judgement;
  readonly #branches: Branch[] = [];
  #before: Snapshot | null = null;

  constructor(given: {
    name: string;
    settings: Settings;
    caller: Caller;
    numbers: Numbers;
    judgement: Judgement;
  }) {
    this.settings = given.settings;
    this.#name = given.name;
    this.#caller = given.caller;
    this.#numbers = given.numbers;
    this.#judgement = given.judgement;
  }

  /** From here on effects are counted. */
  async begin(): Promise<void> {
    this.#before = await this.#numbers.takeSnapshot(this.#name);
  }

  /** A new branch of a new transaction, unless ids are given. Its kind is the one that is checked, unless another is given. */
  branch({
    gid = newGid(Date.now()),
    branchId = randomBytes(6).toString('hex'),
    kind = this.settings.kind,
    deadlineInMs = kind === 'final' ? FINAL_DEADLINE_MS : DEADLINE_MS,
  }: {
    gid?: string;
    branchId?: string;
    kind?: Kind | null;
    deadlineInMs?: number;
  } = {}): Branch {
    const deadlineAt = Date.now() + deadlineInMs;
    const attempts = { try: 0, confirm: 0, cancel: 0, action: 0, compensate: 0 };
    const branch = { gid, branchId, kind, deadlineAt, attempts, isSettled: false, isApplied: false };
    this.#branches.push(branch);
    return branch;
  }

  /** @throws Unjudgeable when there is no answer: silence says nothing of rules */
  async ask(branch: Branch, op: Op, options: CallOptions = {}): Promise<Answer> {
    const answer = await this.#caller.ask(branch, op, options);
    if (answer.status === null) throw this.unjudgeable(op, answer);
    return answer;
  }

  /** A single call: what is under way is not polled. @throws Unjudgeable when there is no answer */
  async once(branch: Branch, op: Op, options: CallOptions = {}): Promise<Answer> {
    const answer = await this.#caller.once(branch, op, options);
    if (answer.status === null) throw this.unjudgeable(op, answer);
    return answer;
  }

  /** As `ask`, but silence is an answer. */
  askAllowingSilence(branch: Branch, op: Op, options: CallOptions = {}): Promise<Answer> {
    return this.#caller.ask(branch, op, options);
  }

  /** Both at the same moment; ends when both have ended. As `ask` otherwise. */
  async atOnce(
    branch: Branch,
    ops: readonly [Op, Op],
    optionsOfBoth: readonly [CallOptions, CallOptions] = [{}, {}],
  ): Promise<[Answer, Answer]> {
    const [one, other] = ops;
    const answers = await Promise.all([
      this.askAllowingSilence(branch, one, optionsOfBoth[0]),
      this.askAllowingSilence(branch, other, optionsOfBoth[1]),
    ]);
    if (answers[0].status === null) throw this.unjudgeable(one, answers[0]);
    if (answers[1].status === null) throw this.unjudgeable(other, answers[1]);
    return answers;
  }

  /** @throws Unjudgeable when it does not succeed */
  async must(branch: Branch, op: Op): Promise<Answer> {
    const answer = await this.ask(branch, op);
    if (!succeeded(answer)) throw this.unjudgeable(op, answer);
    return answer;
  }

  judge(code: Code, isKept: boolean, what: string): void {
    this.#judgement.judge(code, isKept, what);
  }

  miss(code: Code, because: string): void {
    this.#judgement.miss([code], because);
  }

  skip(codes: readonly Code[], because: string): void {
    this.#judgement.skip(codes, because);
  }

  /**
   * Whether all that happened since the beginning comes to these ends.
   *
   * @throws CheckAborted when it does so only a moment after it was answered
   */
  async judgeEffect(code: Code, counts: EffectCounts, what: string): Promise<void> {
    const changes = await this.changes();
    const implied = this.#numbers.implied(counts);
    if (changes === null) return;
    if (typeof implied === 'string') return this.miss(code, implied);
    const isRight = (seen: Difference) => plus(seen, implied, -1).size === 0;
    const isKept = isRight(changes);
    if (!isKept) await this.judgeCommitted(isRight, what);
    this.judge(
      code,
      isKept,
      `${what} The numbers changed by ${differenceText(changes)}; right is ${differenceText(implied)}.`,
    );
  }

  /**
   * Takes further snapshots, for a moment, while the numbers do not show what was answered as done.
   *
   * @throws CheckAborted when they show it by then: that is a finding, and makes all that follows a matter of chance
   */
  async judgeCommitted(isThere: (changes: Difference) => boolean, what: string): Promise<void> {
    for (let snapshots = 1; snapshots <= MAX_LATE_SNAPSHOTS; snapshots += 1) {
      await pause(SNAPSHOT_INTERVAL_MS);
      const changes = await this.changes();
      if (changes === null || !isThere(changes)) continue;
      const later = `The numbers did not show it then, and did some ${snapshots * SNAPSHOT_INTERVAL_MS} ms later.`;
      this.judge('answered_before_commit', false, `${what} ${later}`);
      throw new CheckAborted('it answers before it commits, which is to be fixed first');
    }
  }

  /** Since the beginning; null when effects cannot be seen. */
  async changes(): Promise<Difference | null> {
    const now = await this.#numbers.takeSnapshot(this.#name);
    return now === null || this.#before === null ? null : differenceOf(this.#before, now);
  }

  learn(op: Op, effect: Difference): void {
    this.#numbers.learn(op, effect);
  }

  markNumbersUnusable(because: string): void {
    this.#numbers.markUnusable(because);
  }

  effectOf(op: Op): Difference | null {
    return this.#numbers.effectOf(op);
  }

  /** Ends what the scenario has left open, so that the stock lasts for the next. */
  async cleanUp(): Promise<void> {
    const undo = UNDO_OF[this.settings.kind];
    for (const branch of this.#branches) {
      const wasAsked = Object.values(branch.attempts).some((count) => count > 0);
      if (undo !== null && wasAsked && !branch.isSettled) await this.askAllowingSilence(branch, undo);
    }
    await this.#numbers.takeSnapshot(this.#name);
  }

  /** Why a step that must go well did not, and what to do. */
  unjudgeable(op: Op, answer: Answer): Unjudgeable {
    const { status, words, body } = answer;
    const isElsewhere = status === null || status === 404 || status === 405;
    const call = `${isElsewhere ? 'the participant was not reached: ' : ''}the ${op} at ${shownUrl(this.settings.urls[op])}`;
    const came = status === null ? `had no answer (${words})` : `was answered ${words}`;
    const said = wordsOf(body);
    return new Unjudgeable(
      `${this.#name}: ${call} ${came}${said && `, ${said}`}: ${this.#adviceFor(answer)}`,
    );
  }

  #adviceFor(answer: Answer): string {
    const code = problemIn(answer.body)?.code;
    if (code === 'invalid_payload') return 'give a payload of the form that the activity takes';
    if (code === 'kind_mismatch')
      return `the activity is not declared as ${this.settings.kind}; give the kind that it declares by --kind (kind)`;
    return adviceFor(answer, QUANTITY_NEEDED[this.settings.kind]);
  }
}

function adviceFor(answer: Answer, quantityNeeded: number): string {
  const { reply, status } = answer;
  if (reply === 'refused')
    return `a refusal; give it more stock, at least ${quantityNeeded} times what the payload asks for, or ask with a smaller payload`;
  if (reply === 'ongoing')
    return 'again and again; check it in a set-up in which its work is completed by itself within a second';
  if (status === null) return 'see that the participant runs, and that the address is right';
  if (status === 401 || status === 403) return 'sign with the secret that it knows';
  if (status === 404 || status === 405)
    return 'see that the base URL, the activity, the kind and the paths are right';
  if (isRedirect(answer)) return 'register the address to which it leads';
  if (status >= 500) return 'its log should say why';
  return 'see that the payload is what the activity takes, and that this is what answers POST';
}
