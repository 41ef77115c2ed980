/** A rule that a participant is judged by, in the words that the report uses; `Code` is what its violations are called. */
export type Rule<Code extends string> = {
  readonly seenIn: 'statuses' | 'numbers' | 'secrets';
  /** What must hold. */
  readonly rule: string;
  /** How a violation loses money. */
  readonly why: string;
  /** What to do about a violation. */
  readonly fix: string;
  readonly hiddenBy?: readonly Code[];
};
