/**
 * References: what stands in the payload of a step for a part of an earlier step's result, which is not known yet. The
 * coordinator puts it in when it calls the step.
 *
 * `reserve.boxes[0].id` is written as if the result were there, is typed so, and compiles to
 * `{"$from": "reserve.boxes.0.id"}`. It can stand in a payload as it is; it cannot be computed with.
 */

declare const RESULT: unique symbol;

/** What takes the place of a `Value` in a payload. */
export type ReferenceTo<Value> = { readonly [RESULT]: Value };

/** A reference to a step's result, or to a part of it, whose own parts are its members. */
export type Reference<Value> = ReferenceTo<Value> &
  (0 extends 1 & Value ? AnyMembers : MembersOf<NonNullable<Value>, Extract<Value, null | undefined>>);

/** Of what may be anything: each member may stand for anything too. */
interface AnyMembers {
  readonly [member: string]: ReferenceTo<never> & AnyMembers;
}

/** `Missing` is what the whole may be in place of having members: then so may each of them. */
type MembersOf<Whole, Missing> = [Whole] extends [readonly (infer Element)[]]
  ? ElementsOf<Whole, Element, Missing>
  : [Whole] extends [object]
    ? { readonly [Name in keyof Whole as Reachable<Name>]-?: Reference<Whole[Name] | Missing> }
    : unknown;

/** An array by its indexes; what a tuple holds is known of each. */
type ElementsOf<Whole extends readonly unknown[], Element, Missing> = number extends Whole['length']
  ? { readonly [index: number]: Reference<Element | Missing> }
  : { readonly [Index in keyof Whole & `${number}`]: Reference<Whole[Index] | Missing> };

/** Names are joined by dots: one that holds a dot, or is empty, would be ambiguous. */
type Reachable<Name> = Name extends '' | `${string}.${string}` ? never : Name;

/** A payload, of which any part may be a reference. */
export type WithReferences<Payload> = ReferenceTo<Payload> | PartsOf<Payload>;

type PartsOf<Payload> = Payload extends object
  ? { readonly [Name in keyof Payload]: WithReferences<Payload[Name]> }
  : Payload;

// ── At run time ──────────────────────────────────────────────────────────────────────────────────────────────

/** What a reference becomes as it is written as JSON, until it is distinguished from a literal that looks alike. */
export class Pointer {
  /** A step, then names and indexes, joined by dots. */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/**
 * One reference for each of these steps.
 * @param title the step that they are for, in errors
 */
export function referencesTo(title: string, steps: readonly string[]): object {
  const members = Object.fromEntries(steps.map((step) => [step, referenceTo(step)]));
  return new Proxy(members, {
    get(target, name) {
      if (typeof name === 'symbol' || Object.hasOwn(target, name)) return Reflect.get(target, name);
      throw new TypeError(
        `${title} cannot refer to “${name}”, which does not come before it: it can refer to ${steps.join(', ') || 'nothing'}`,
      );
    },
  });
}

function referenceTo(path: string): object {
  // What is printed.
  const shown = { $from: path };
  return new Proxy(shown, {
    get(_shown, name) {
      if (name === Symbol.toPrimitive) throw notKnownYet(path);
      if (typeof name === 'symbol') return undefined;
      if (name === 'toJSON') return () => new Pointer(path);
      if (name === '' || name.includes('.'))
        throw new TypeError(
          `“${name}” of ${path} cannot be referred to: its name is empty or holds a dot. Refer to ${path} as a whole`,
        );
      return referenceTo(`${path}.${name}`);
    },
    ownKeys() {
      throw notKnownYet(path);
    },
  });
}

const notKnownYet = (path: string): TypeError =>
  new TypeError(
    'a reference to what is not known yet can stand in the payload, but not be computed with or spread: it refers to ' +
      `“${path}”`,
  );
