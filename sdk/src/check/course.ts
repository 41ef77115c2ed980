/**
 * The scenarios one after the other, and beside them the one that waits for a deadline: it is begun when the plain ones
 * have measured, and gone on with between two others as soon as it is due.
 */
import type { Caller } from './caller.ts';
import type { Code } from './codes.ts';
import type { Numbers } from './numbers.ts';
import type { Settings } from './options.ts';
import type { Judgement } from './report.ts';
import { SCENARIOS, type Scenarios } from './scenarios/all.ts';
import { type Later, type LongScenario, Pointless, type Scenario, Trial, Unjudgeable } from './trial.ts';

type Bench = {
  /** The rules that apply: scenarios that judge none of them are left out. */
  readonly codes: readonly Code[];
  readonly settings: Settings;
  readonly judgement: Judgement;
  readonly caller: Caller;
  readonly numbers: Numbers;
};

/** Why the rest was not asked. */
export type Ending = { readonly because: string; readonly isAtFirst: boolean };

type Waiting = { readonly of: LongScenario; readonly trial: Trial; readonly later: Later };

export class Course {
  readonly #bench: Bench;
  readonly #scenarios: Scenarios;
  /** The scenario beside the others, between its two parts. */
  #waiting: Waiting | null = null;
  #ending: Ending | null = null;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#scenarios = SCENARIOS[bench.settings.kind];
  }

  /** Null when everything was asked. */
  async run(): Promise<Ending | null> {
    const { plain, others } = this.#scenarios;
    for (const scenario of plain) await this.#take(scenario);
    await this.#beginBeside();
    for (const scenario of others.filter((each) => this.#applies(each))) {
      if (this.#waiting !== null && Date.now() >= this.#waiting.later.dueAt) await this.#endBeside();
      await this.#take(scenario);
    }
    await this.#endBeside();
    return this.#ending;
  }

  #applies({ judges }: Scenario): boolean {
    return judges.some((code) => this.#bench.codes.includes(code));
  }

  async #take(scenario: Scenario): Promise<void> {
    if (this.#ending !== null) return;
    const trial = this.#trialOf(scenario);
    const reason = await this.#attempt(scenario, async () => {
      await trial.begin();
      await scenario.run(trial);
    });
    if (reason !== null && scenario === this.#scenarios.plain[0])
      this.#ending ??= { because: reason, isAtFirst: true };
    await this.#leave(trial);
  }

  async #beginBeside(): Promise<void> {
    const { beside } = this.#scenarios;
    if (this.#ending !== null || beside === null) return;
    const trial = this.#trialOf(beside);
    await this.#attempt(beside, async () => {
      this.#waiting = { of: beside, trial, later: await beside.begin(trial) };
    });
    if (this.#waiting === null) await this.#leave(trial);
  }

  async #endBeside(): Promise<void> {
    if (this.#waiting === null) return;
    const { of, trial, later } = this.#waiting;
    this.#waiting = null;
    if (this.#ending === null) {
      this.#bench.settings.onProgress(of.name);
      await this.#attempt(of, later.run);
    }
    await this.#leave(trial);
  }

  #trialOf({ name }: Pick<Scenario, 'name'>): Trial {
    const { settings, caller, numbers, judgement } = this.#bench;
    settings.onProgress(name);
    return new Trial({ name, settings, caller, numbers, judgement });
  }

  /** Why the rest of the scenario could not be judged, or null. */
  async #attempt({ judges }: Pick<Scenario, 'judges'>, work: () => Promise<void>): Promise<string | null> {
    try {
      await work();
      return null;
    } catch (error) {
      if (!(error instanceof Unjudgeable)) throw error;
      this.#bench.judgement.abandon(judges, error.message);
      if (error instanceof Pointless) this.#ending ??= { because: error.message, isAtFirst: false };
      return error.message;
    }
  }

  async #leave(trial: Trial): Promise<void> {
    await trial.cleanUp();
    if (this.#bench.caller.hasFallenSilent)
      this.#ending ??= { because: 'the participant answers no more', isAtFirst: false };
  }
}
