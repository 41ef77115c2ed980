/** A broken invariant, by the number that it has in docs/protocol.md. */
export type Invariant =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I12'
  | 'I13'
  | 'I14';

export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }
}

export function demand(invariant: Invariant, holds: boolean, what: string): void {
  if (!holds) throw new Violation(invariant, what);
}
