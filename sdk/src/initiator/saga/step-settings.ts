/** The settings of a step in addition to its payload: how it is called, and what it waits for. */
import { type Static, Type } from 'typebox';
import { firstFault } from '../../first-fault.ts';
import { DeclaredBranchRequest } from '../../../../src/wire/index.ts';

const CallSettings = Type.Pick(DeclaredBranchRequest, ['callTimeoutMs', 'retry']);

const Settings = Type.Pick(DeclaredBranchRequest, ['callTimeoutMs', 'retry', 'dependsOn'], {
  additionalProperties: false,
});
export type GivenSettings = Static<typeof Settings>;

type CallSettings = Static<typeof CallSettings>;

/** `Names` are the steps so far. */
type Waiting<Names extends string> = {
  /** The steps that it waits for, and may refer to, with those that they wait for; all so far when absent, [] for none. */
  readonly dependsOn?: readonly Names[];
};

/** Of a step. Whether it is compensated follows from the kind of its activity. */
export type StepSettings<Names extends string> = CallSettings & Waiting<Names>;

/** Of a pivot, which comes after all before it. */
export type PivotSettings = CallSettings;

/**
 * @param title the step, in errors
 * @throws TypeError for words and values that are no settings
 */
export function checkedSettings(title: string, given: unknown): GivenSettings {
  const fault = firstFault(Settings, given, { showsNames: true });
  if (fault === null) return given as GivenSettings;
  throw new TypeError(`${title}: its settings cannot be used: ${fault}`);
}
