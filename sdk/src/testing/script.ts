/**
 * What becomes of the calls of a participant that a test has something to say of: steps that are used up one after the
 * other, one a call. What comes after them, and every call that no script is for, reaches the participant and is
 * answered.
 *
 *   world.on(payment, 'confirm').fail(2).loseReply(1);   // 503, 503, then done but its answer lost, then as usual
 */
import type { CallOp } from '../../../src/wire/index.ts';
import { Hold } from './held-calls.ts';
import type { WorldTime } from './world-time.ts';
import type { RecordedCall } from './recorded-call.ts';

/** What happens to one call. */
export type Step =
  | { readonly kind: 'refuse'; readonly reason: string }
  | { readonly kind: 'fail' }
  | { readonly kind: 'answerLater' }
  | { readonly kind: 'loseReply' }
  | { readonly kind: 'succeed' };

/** Each step is for so many calls, or for all to come when no number is given. */
export class Script {
  readonly #what: string;
  readonly #worldTime: WorldTime;
  #steps: { readonly step: Step; leftCount: number }[] = [];
  #hold: Hold | null = null;

  /** @param what which calls it is for, in words: `confirm of payment` */
  constructor(what: string, worldTime: WorldTime) {
    this.#what = what;
    this.#worldTime = worldTime;
  }

  /** 409: a refusal where it answers a try or an action, “not done” elsewhere. The participant does not see the call. */
  refuse(reason: string, times = Infinity): this {
    return this.#then({ kind: 'refuse', reason }, times);
  }

  /** 503. The participant does not see the call. */
  fail(times = Infinity): this {
    return this.#then({ kind: 'fail' }, times);
  }

  /** 425: still at work, ask again. The participant does not see the call. */
  answerLater(times = Infinity): this {
    return this.#then({ kind: 'answerLater' }, times);
  }

  /** The participant does what it is asked to, and the connection breaks before its answer arrives. */
  loseReply(times = Infinity): this {
    return this.#then({ kind: 'loseReply' }, times);
  }

  /** As usual. Without a number it ends whatever was said before. */
  succeed(times = Infinity): this {
    if (times === Infinity) this.#steps = [];
    else this.#then({ kind: 'succeed' }, times);
    return this;
  }

  /**
   * Calls from now on wait on their way until `release`. A caller gives up when its time is over, and what was given up still
   * arrives after the release: a try after its cancel, for example, or an action after its compensate.
   */
  hold(): Hold {
    this.#hold ??= new Hold(this.#what, this.#worldTime, () => {
      this.#hold = null;
    });
    return this.#hold;
  }

  /** For the gateway: ends when the call may go on; null where nothing holds it. */
  held(call: RecordedCall): Promise<void> | null {
    return this.#hold?.keep(call) ?? null;
  }

  /** For the gateway: the next step, which is thereby used up; null where there is none. */
  next(): Step | null {
    const [first] = this.#steps;
    if (first === undefined) return null;
    first.leftCount -= 1;
    if (first.leftCount === 0) this.#steps.shift();
    return first.step;
  }

  /** After a step for all calls nothing could come: the newer one takes its place. */
  #then(step: Step, times: number): this {
    if (times !== Infinity && !(Number.isSafeInteger(times) && times >= 1))
      throw new RangeError(`${step.kind} is for a number of calls from 1 on, and was given ${times}`);
    if (this.#steps.at(-1)?.leftCount === Infinity) this.#steps.pop();
    this.#steps.push({ step, leftCount: times });
    return this;
  }
}

/** All scripts of a world: for one op of a participant, or of one of its activities, whose own script counts first. */
export class Scripts {
  readonly #worldTime: WorldTime;
  readonly #byPlace = new Map<string, Script>();

  constructor(worldTime: WorldTime) {
    this.#worldTime = worldTime;
  }

  at(participant: string, op: CallOp, activity: string | null): Script {
    const place = placeOf(participant, op, activity);
    const known = this.#byPlace.get(place);
    if (known !== undefined) return known;
    const what = activity === null ? `${op} of ${participant}` : `${op} of ${participant}/${activity}`;
    const script = new Script(what, this.#worldTime);
    this.#byPlace.set(place, script);
    return script;
  }

  async held(call: RecordedCall): Promise<void> {
    for (const script of this.#for(call)) await script.held(call);
  }

  next(call: RecordedCall): Step | null {
    for (const script of this.#for(call)) {
      const step = script.next();
      if (step !== null) return step;
    }
    return null;
  }

  #for({ participant, op, activity }: RecordedCall): Script[] {
    if (op === null) return [];
    const places = [placeOf(participant, op, activity), placeOf(participant, op, null)];
    return places.flatMap((place) => this.#byPlace.get(place) ?? []);
  }
}

const placeOf = (participant: string, op: CallOp, activity: string | null): string =>
  JSON.stringify([participant, op, activity]);
