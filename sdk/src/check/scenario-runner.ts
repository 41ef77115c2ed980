/**
 * Runs the scenarios one after the other. The long one, which waits for a deadline, begins once the plain ones have
 * measured, and continues between two others as soon as it is due.
 */
import type { Caller } from './caller.ts';
import type { Code } from './codes.ts';
import type { Numbers } from './numbers.ts';
import type { Settings } from './options.ts';
import type { Judgement } from './report.ts';
import { ACCEPTED, NEVER_ACCEPTED } from './scenarios/accepted.ts';
import { SCENARIOS, type Scenarios } from './scenarios/by-kind.ts';
import {
  type SecondPart,
  type LongScenario,
  CheckAborted,
  type Scenario,
  ScenarioContext,
  Unjudgeable,
} from './scenario.ts';

type ScenarioRunnerParts = {
  /** The rules that apply: scenarios that judge none of them are left out. */
  readonly codes: readonly Code[];
  readonly settings: Settings;
  readonly judgement: Judgement;
  readonly caller: Caller;
  readonly numbers: Numbers;
};

/** Why the rest was not asked. */
export type EarlyEnd = { readonly because: string; readonly isAtFirstScenario: boolean };

type PausedScenario = {
  readonly of: LongScenario;
  readonly context: ScenarioContext;
  readonly secondPart: SecondPart;
};

export class ScenarioRunner {
  readonly #parts: ScenarioRunnerParts;
  readonly #scenarios: Scenarios;
  /** The long scenario, between its two parts. */
  #paused: PausedScenario | null = null;
  #earlyEnd: EarlyEnd | null = null;

  constructor(parts: ScenarioRunnerParts) {
    this.#parts = parts;
    this.#scenarios = SCENARIOS[parts.settings.kind];
  }

  /** Null when everything was asked. */
  async run(): Promise<EarlyEnd | null> {
    const { plain, others } = this.#scenarios;
    for (const scenario of plain) await this.#runScenario(scenario);
    await this.#runAccepted();
    await this.#beginLong();
    for (const scenario of others.filter((each) => this.#applies(each))) {
      if (this.#paused !== null && Date.now() >= this.#paused.secondPart.dueAt) await this.#endLong();
      await this.#runScenario(scenario);
    }
    await this.#endLong();
    return this.#earlyEnd;
  }

  /** Also where no try ever ended: that may be what the participant's work is like. */
  async #runAccepted(): Promise<void> {
    const { caller, judgement, settings } = this.#parts;
    const scenario = ACCEPTED[settings.kind];
    if (!caller.hasAccepted) return judgement.skip(scenario.judges, NEVER_ACCEPTED);
    const earlyEnd = this.#earlyEnd;
    this.#earlyEnd = null;
    await this.#runScenario(scenario);
    this.#earlyEnd ??= earlyEnd;
  }

  #applies({ judges }: Scenario): boolean {
    return judges.some((code) => this.#parts.codes.includes(code));
  }

  async #runScenario(scenario: Scenario): Promise<void> {
    if (this.#earlyEnd !== null) return;
    const context = this.#contextFor(scenario);
    const reason = await this.#runOrAbandon(scenario, async () => {
      await context.begin();
      await scenario.run(context);
    });
    if (reason !== null && scenario === this.#scenarios.plain[0])
      this.#earlyEnd ??= { because: reason, isAtFirstScenario: true };
    await this.#cleanUp(context);
  }

  async #beginLong(): Promise<void> {
    const { long } = this.#scenarios;
    if (this.#earlyEnd !== null || long === null) return;
    const context = this.#contextFor(long);
    await this.#runOrAbandon(long, async () => {
      this.#paused = { of: long, context, secondPart: await long.begin(context) };
    });
    if (this.#paused === null) await this.#cleanUp(context);
  }

  async #endLong(): Promise<void> {
    if (this.#paused === null) return;
    const { of, context, secondPart } = this.#paused;
    this.#paused = null;
    if (this.#earlyEnd === null) {
      this.#parts.settings.onProgress(of.name);
      await this.#runOrAbandon(of, secondPart.run);
    }
    await this.#cleanUp(context);
  }

  #contextFor({ name }: Pick<Scenario, 'name'>): ScenarioContext {
    const { settings, caller, numbers, judgement } = this.#parts;
    settings.onProgress(name);
    return new ScenarioContext({ name, settings, caller, numbers, judgement });
  }

  /** Why the rest of the scenario could not be judged, or null. */
  async #runOrAbandon(
    { judges }: Pick<Scenario, 'judges'>,
    work: () => Promise<void>,
  ): Promise<string | null> {
    try {
      await work();
      return null;
    } catch (error) {
      if (!(error instanceof Unjudgeable)) throw error;
      this.#parts.judgement.abandon(judges, error.message);
      if (error instanceof CheckAborted)
        this.#earlyEnd ??= { because: error.message, isAtFirstScenario: false };
      return error.message;
    }
  }

  async #cleanUp(context: ScenarioContext): Promise<void> {
    await context.cleanUp();
    if (this.#parts.caller.hasFallenSilent)
      this.#earlyEnd ??= { because: 'the participant answers no more', isAtFirstScenario: false };
  }
}
