/** The outcome of the check: each rule is kept, not kept, or not judged with the reason. */
import { CATALOGUE } from './catalogue.ts';
import type { Code } from './codes.ts';

export type Finding = {
  /** Stable, for programs. */
  readonly code: Code;
  /** What must hold. */
  readonly rule: string;
  /** What was seen instead, with statuses. */
  readonly what: string;
  /** How that loses money. */
  readonly why: string;
  /** What to do about it. */
  readonly fix: string;
};

export type Report = {
  /** `violated` with any finding; `passed` only when every rule could be judged, but for those that need numbers where none are. */
  readonly verdict: 'passed' | 'violated' | 'not_judged';
  /** In the order in which they were seen; fix the first one first. */
  readonly findings: readonly Finding[];
  /** The rules that were judged, kept or not. */
  readonly judged: readonly string[];
  readonly notJudged: readonly { readonly rule: string; readonly because: string }[];
  /** The rules that do not apply to what the participant answers: those on accepted ops, where none was answered 202. */
  readonly skipped: readonly { readonly rule: string; readonly because: string }[];
};

export class Judgement {
  readonly #codes: readonly Code[];
  readonly #findings = new Map<Code, Finding>();
  readonly #judged = new Set<Code>();
  readonly #hidden = new Map<Code, string>();
  readonly #abandoned = new Map<Code, string>();
  readonly #missed = new Map<Code, string>();
  readonly #waived = new Map<Code, string>();
  readonly #skipped = new Map<Code, string>();

  /** @param codes of the rules that apply */
  constructor(codes: readonly Code[]) {
    this.#codes = codes;
  }

  /** A rule may be judged several times: of several violations the first is reported. */
  judge(code: Code, isKept: boolean, what: string): void {
    const { rule, why, fix, hiddenBy = [] } = CATALOGUE[code];
    const cause = hiddenBy.find((other) => this.#findings.has(other));
    if (cause !== undefined && !isKept)
      this.#hidden.set(code, `it cannot be told apart from ${cause}, which is to be fixed first`);
    if (this.#hidden.has(code)) return;
    this.#judged.add(code);
    if (!isKept && !this.#findings.has(code)) this.#findings.set(code, { code, rule, what, why, fix });
  }

  /** Counts only for rules that are not judged elsewhere. */
  miss(codes: readonly Code[], because: string): void {
    for (const code of codes) if (!this.#missed.has(code)) this.#missed.set(code, because);
  }

  /** The caller accepts that these rules are not judged: they do not stand in the way of a pass. */
  waive(codes: readonly Code[], because: string): void {
    for (const code of codes) this.#waived.set(code, because);
  }

  /** The rules do not apply: they are neither judged nor missing. */
  skip(codes: readonly Code[], because: string): void {
    for (const code of codes) this.#skipped.set(code, because);
  }

  /** A scenario ended early: its rules are not judged, even where others have found them kept. */
  abandon(codes: readonly Code[], because: string): void {
    for (const code of codes) if (!this.#abandoned.has(code)) this.#abandoned.set(code, because);
  }

  /**
   * Not even a plain try succeeded. What was found kept so far, such as no redirect, says nothing of a participant.
   * @param but these rules, which were judged without one
   */
  reportNothingKept(because: string, but: readonly Code[] = []): Report {
    for (const code of this.#judged) if (!but.includes(code)) this.#judged.delete(code);
    return this.report(because);
  }

  /** @param because for rules that no scenario judged */
  report(because: string): Report {
    const findings = [...this.#findings.values()];
    const reasons = [this.#waived, this.#hidden, this.#abandoned, this.#missed];
    const reasonFor = (code: Code) => reasons.find((each) => each.has(code))?.get(code) ?? because;
    const isInDoubt = (code: Code) => this.#hidden.has(code) || this.#abandoned.has(code);
    const isJudged = (code: Code) => this.#findings.has(code) || (this.#judged.has(code) && !isInDoubt(code));
    const judged = this.#codes.filter(isJudged);
    const missing = this.#codes.filter((code) => !isJudged(code) && !this.#skipped.has(code));
    const notJudged = missing.map((code) => ({ rule: CATALOGUE[code].rule, because: reasonFor(code) }));
    const skipped = [...this.#skipped].map(([code, why]) => ({ rule: CATALOGUE[code].rule, because: why }));
    const isComplete = missing.every((code) => this.#waived.has(code));
    const verdict = findings.length > 0 ? 'violated' : isComplete ? 'passed' : 'not_judged';
    return { verdict, findings, judged: judged.map((code) => CATALOGUE[code].rule), notJudged, skipped };
  }
}
