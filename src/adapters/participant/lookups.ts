/**
 * Looks up the names of participants, so that names that are not answered delay no other name.
 *
 * The system's resolver blocks a thread until it answers, and libuv gives look-ups half of its four threads. Those threads
 * also serve the names of the database and of Redis.
 *
 * 1. At most one look-up of a name runs at a time. Everyone who asks meanwhile shares it.
 * 2. At most two names are looked up at once; the others wait here, in the order in which they were asked for.
 * 3. A look-up without an answer after a second is silent. Names whose last look-up was silent are looked up one at a time,
 *    so one of the two places stays free of them.
 * 4. While look-ups that are silent hold both places, the others go round them: a name that resolved within
 *    the last minute is answered with the addresses it had, and any other is asked of the DNS servers directly, which needs no
 *    thread (`direct-lookup.ts`). Only a success of that counts.
 * 5. Each asker gets an error after `LOOKUP_TIMEOUT_MS`, counted from when the look-up runs. The look-up keeps its place
 *    until the resolver answers, as it keeps its thread.
 */
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { LocalClock } from '../sql/database-clock.ts';

const AT_ONCE = 2;
const SILENT_MS = 1000;
/** Addresses have no known time to live here: the system's resolver does not tell it. */
const KNOWN_MS = 60_000;
export const LOOKUP_TIMEOUT_MS = 5000;
/** Initiators may name hosts of their own: what is remembered of them is forgotten beyond this many. */
const MAX_REMEMBERED = 1000;

type Found = readonly LookupAddress[];
type Answer = (error: Error | null, found: Found) => void;
type Asker = { readonly answer: Answer; cancelTimer: () => void };

type LookUp = {
  readonly name: string;
  readonly askers: Set<Asker>;
  /** It did not run at once. */
  hasWaited: boolean;
  isRunning: boolean;
  isSilent: boolean;
  /** It goes round the look-ups that hold both places. */
  isDirect: boolean;
};

/** Asks the DNS servers directly; null for any failure. */
export type DirectLookup = (name: string, callback: (found: Found | null) => void) => void;

export type LookUpStage = {
  readonly name: string;
  /** It waits for a place, or did so and runs for less than a second: the time passed here, not at the resolver. */
  readonly isHeldBack: boolean;
};

/** A look-up, for one asker. */
export type Asked = {
  /** Null once the asker was answered. */
  stage(): LookUpStage | null;
  /** It is not answered any more. */
  cancel(): void;
};

export class Lookups {
  readonly #lookup: LookupFunction;
  readonly #clock: Pick<LocalClock, 'after' | 'elapsedMs'>;
  readonly #directLookup: DirectLookup;
  /** In the order in which they were asked for. */
  readonly #lookUps = new Map<string, LookUp>();
  /** Names whose last look-up was silent. */
  readonly #silent = new Set<string>();
  /** What each name led to when it was last looked up, and how often that was handed out. */
  readonly #found = new Map<string, { readonly addresses: Found; readonly atMs: number; turn: number }>();

  constructor(
    lookup: LookupFunction,
    clock: Pick<LocalClock, 'after' | 'elapsedMs'>,
    directLookup: DirectLookup = (_name, callback) => callback(null),
  ) {
    this.#lookup = lookup;
    this.#clock = clock;
    this.#directLookup = directLookup;
  }

  /** Looks a name up, or joins the look-up of it. */
  find(name: string, answer: Answer): Asked {
    const lookUp = this.#lookUps.get(name) ?? this.#queued(name);
    const asker = { answer, cancelTimer: () => {} };
    lookUp.askers.add(asker);
    if (lookUp.isRunning) this.#bound(lookUp, asker);
    else this.#runNext();
    return {
      stage: () =>
        lookUp.askers.has(asker) ? { name, isHeldBack: lookUp.hasWaited && !lookUp.isSilent } : null,
      cancel: () => this.#cancel(lookUp, asker),
    };
  }

  /**
   * What was found last, in the form of `dns.lookup`, without asking again. Addresses of a name take turns at being the
   * first, so that connections made together do not all lead to one of them.
   */
  readonly found: LookupFunction = (name, { all }, callback) => {
    const found = this.#found.get(name);
    if (found === undefined) return callback(new Error(`the name “${name}” was not looked up`), '');
    const addresses = inTurn(found.addresses, found.turn);
    found.turn += 1;
    const [{ address, family } = { address: '', family: 0 }] = addresses;
    if (all) callback(null, addresses);
    else callback(null, address, family);
  };

  #queued(name: string): LookUp {
    const lookUp: LookUp = {
      name,
      askers: new Set(),
      hasWaited: false,
      isRunning: false,
      isSilent: false,
      isDirect: false,
    };
    this.#lookUps.set(name, lookUp);
    return lookUp;
  }

  #runNext(): void {
    for (const lookUp of this.#lookUps.values()) {
      if (lookUp.isRunning) continue;
      if (this.#mayRun(lookUp.name)) this.#run(lookUp);
      else {
        lookUp.hasWaited = true;
        if (!lookUp.isDirect && this.#isBlocked()) this.#goRound(lookUp);
      }
    }
  }

  #isBlocked(): boolean {
    const running = [...this.#lookUps.values()].filter(({ isRunning }) => isRunning);
    return running.length >= AT_ONCE && running.every(({ isSilent }) => isSilent);
  }

  #goRound(lookUp: LookUp): void {
    lookUp.isDirect = true;
    const known = this.#found.get(lookUp.name);
    if (known && this.#clock.elapsedMs() - known.atMs < KNOWN_MS)
      process.nextTick(() => this.#foundDirectly(lookUp, known.addresses));
    else this.#directLookup(lookUp.name, (found) => this.#foundDirectly(lookUp, found));
  }

  /** Where it runs by now, or all have given up, that counts. */
  #foundDirectly(lookUp: LookUp, found: Found | null): void {
    if (found === null || lookUp.isRunning || this.#lookUps.get(lookUp.name) !== lookUp) return;
    this.#answered(lookUp, null, found);
  }

  #mayRun(name: string): boolean {
    const running = [...this.#lookUps.values()].filter(({ isRunning }) => isRunning);
    if (running.length >= AT_ONCE) return false;
    return !this.#silent.has(name) || !running.some((other) => this.#silent.has(other.name));
  }

  #run(lookUp: LookUp): void {
    lookUp.isRunning = true;
    for (const asker of lookUp.askers) this.#bound(lookUp, asker);
    const cancelTimer = this.#clock.after(SILENT_MS, () => {
      lookUp.isSilent = true;
      makeRoom(this.#silent);
      this.#silent.add(lookUp.name);
      this.#runNext();
    });
    this.#lookup(lookUp.name, { all: true }, (error, found) => {
      cancelTimer();
      this.#answered(lookUp, error, Array.isArray(found) ? found : []);
    });
  }

  #answered(lookUp: LookUp, error: Error | null, found: Found): void {
    const { name, askers } = lookUp;
    this.#lookUps.delete(name);
    if (!lookUp.isSilent) this.#silent.delete(name);
    if (error === null && found !== this.#found.get(name)?.addresses) {
      makeRoom(this.#found);
      this.#found.set(name, { addresses: found, turn: 0, atMs: this.#clock.elapsedMs() });
    }
    this.#runNext();
    for (const asker of askers) this.#answer(lookUp, asker, error, found);
  }

  #answer({ askers }: LookUp, asker: Asker, error: Error | null, found: Found): void {
    askers.delete(asker);
    asker.cancelTimer();
    asker.answer(error, found);
  }

  #bound(lookUp: LookUp, asker: Asker): void {
    const error = new Error(`the name “${lookUp.name}” was not resolved within ${LOOKUP_TIMEOUT_MS} ms`);
    asker.cancelTimer = this.#clock.after(LOOKUP_TIMEOUT_MS, () => this.#answer(lookUp, asker, error, []));
  }

  /** A look-up without a caller leaves the queue. */
  #cancel(lookUp: LookUp, asker: Asker): void {
    asker.cancelTimer();
    lookUp.askers.delete(asker);
    if (!lookUp.isRunning && lookUp.askers.size === 0) this.#lookUps.delete(lookUp.name);
  }
}

/** Forgets what was remembered first. */
function makeRoom(remembered: Map<string, unknown> | Set<string>): void {
  const [first] = remembered.keys();
  if (remembered.size >= MAX_REMEMBERED && first !== undefined) remembered.delete(first);
}

/** Families keep their order; each begins with another of its addresses. */
function inTurn(addresses: Found, turn: number): LookupAddress[] {
  const families = [...new Set(addresses.map(({ family }) => family))];
  return families.flatMap((one) => {
    const own = addresses.filter(({ family }) => family === one);
    const first = turn % own.length;
    return [...own.slice(first), ...own.slice(0, first)];
  });
}
