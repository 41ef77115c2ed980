/**
 * A participant as somebody writes it who has heard of TCC, in memory: right by default, or with one fault planted. As one of
 * sagas its action is what its try is, but that it sells at once, and its compensate is what its cancel is. It serves both for
 * every kind of step, since a compensate also follows an action that was refused for its kind.
 *
 * It has no barrier of the SDK: the contract kit is to judge what anybody may have written.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Kind } from '@tercet/sdk/check';
import { verifySignature } from '@tercet/sdk/signature';

export const FAULTS = [
  'redirects tries',
  'sells without taking off the shelf',
  'books two for one',
  'has no confirm',
  'has no cancel',
  'refuses every cancel',
  'sells what is cancelled',
  'answers tries before it works',
  'answers confirms before it works',
  'answers cancels before it works',
  'refuses a repeated try',
  'answers each try with a new number',
  'tries twice',
  'tries twice at once',
  'refuses a repeated confirm',
  'confirms twice',
  'confirms twice at once',
  'refuses a repeated cancel',
  'cancels twice',
  'cancels twice at once',
  'knows no branch to cancel',
  'gives back what was never reserved',
  'leaves no tombstone',
  'ignores the deadline',
  'lets reservations expire',
  'keeps the deadline of the try',
  'gives back at the deadline',
  'says FAILURE with 200',
  'refuses with 400',
  'refuses, and reserves all the same',
  'confirms without a try',
  'confirms after the cancel',
  'cancels after the confirm',
  'locks each op for itself',
  'refuses both at once',
  'acts before it looks again',
  'knows branches by gid',
  'keeps one branch of a gid',
  'knows no small letters',
  'knows branches by branchId',
  'forgets when the caller hangs up',
  'looks before the body has come',
  'serves one call at a time',
  'believes anybody',
  'ignores the kind',
  'ignores the kind pivot',
  'refuses second phases for their kind',
  'serves its own kind alone',
  'refuses calls without a kind',
  'does not read the signed kind',
  'forgets refusals for the deadline',
  'forgets refusals of the business',
  'forgets refusals for the kind',
  'remembers refusals too late',
  'judges the deadline first',
] as const;
export type Fault = (typeof FAULTS)[number];

/** Of a participant that answers 202 to a try, and completes it by itself. */
export const ACCEPTED_FAULTS = [
  'works at each poll',
  'refuses polls after the deadline',
  'cancels the accepted without work',
  'refuses to cancel the accepted',
  'accepts again after the cancel',
] as const;
export type AcceptedFault = (typeof ACCEPTED_FAULTS)[number];

/** How often such a try is called before it is completed. */
const MAX_POLLS = 5;

export type SampleParticipantOptions = {
  /** What it declares for its activity; `tcc` when absent. */
  readonly kind?: Kind;
  readonly fault?: Fault | null;
  /** Its tries are answered 202: rightly, with a fault, or for ever. */
  readonly accepts?: 'rightly' | 'for ever' | AcceptedFault;
  readonly stock?: number;
  /** What a try answers, beside the number of its reservation. */
  readonly result?: object;
  /** Calls that are not signed with it are answered 401. */
  readonly secret?: string | null;
  /** What the numbers are shown as. */
  readonly show?: (numbers: Numbers) => unknown;
  /** Answers in place of the participant, or null. */
  readonly instead?: (request: IncomingMessage) => number | null;
};

export type Numbers = { available: number; reserved: number; sold: number };
type Op = 'try' | 'confirm' | 'cancel';
/** `refused`: for good. */
type State = 'absent' | 'tried' | 'confirmed' | 'cancelled' | 'tombstone' | 'stuck' | 'refused';
type Row = {
  state: State;
  result: unknown;
  endsAs: State | null;
  deadlineAt: number;
  /** Of a try that is accepted, so far. */
  pollCount: number;
};
type Call = {
  readonly key: string;
  readonly op: Op;
  /** Null where the call carries none. */
  readonly kind: string | null;
  readonly deadlineAt: number;
  /** Whether the business refuses what is asked for. */
  readonly isTooMuch: boolean;
};
type Answer = { readonly status: number; readonly body: unknown };

/** Of steps that nothing undoes. */
const KEPT: readonly Kind[] = ['step_uncompensated', 'pivot', 'final'];

/** The longest that a database takes between a read and a change when no other call of the branch comes meanwhile. */
const DATABASE_MS = 150;
/** More than a call on loopback needs to get from its sender in this process to the participant. */
const TURNS = 50;

/**
 * A slow machine may let the time pass before it delivers what was sent long ago. The caller is in this process, so a few turns
 * of its event loop deliver all of that.
 */
async function databaseTime(): Promise<void> {
  await pause(DATABASE_MS);
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const EARLY_ANSWERS = [
  ['answers tries before it works', 'available', 'reserved'],
  ['answers confirms before it works', 'reserved', 'sold'],
  ['answers cancels before it works', 'reserved', 'available'],
  ['answers tries before it works', 'available', 'sold'],
  ['answers cancels before it works', 'sold', 'available'],
] as const;

const done = (body: unknown = {}): Answer => ({ status: 200, body });
const SERVED: { readonly [Each in Kind]: readonly string[] } = {
  tcc: ['tcc'],
  step: ['step', 'final'],
  step_uncompensated: ['step_uncompensated', 'final'],
  pivot: ['pivot'],
  final: ['final'],
};

const refused = (reason: string): Answer => ({ status: 409, body: { reason } });

const ACCEPTED: Answer = { status: 202, body: {} };

export async function startSampleParticipant(options: SampleParticipantOptions = {}) {
  const sample = new SampleParticipant(options);
  const server = createServer((request, response) => void sample.serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { baseUrl, observeUrl: `${baseUrl}/numbers`, numbers: sample.numbers, stop: () => stop(server) };
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

class SampleParticipant {
  readonly numbers: Numbers;
  readonly #options: SampleParticipantOptions;
  readonly #rows = new Map<string, Row>();
  #reservationCount = 0;
  #last: Promise<void> = Promise.resolve();
  /** Work that was answered, and is done once the numbers were read without it. */
  #owed: (() => void)[] = [];
  /** By branch, a call between its read and its change. */
  readonly #atWork = new Map<string, () => void>();
  /** By branch, a call whose caller may hang up. */
  readonly #forgetting = new Map<string, Promise<void>>();

  constructor(options: SampleParticipantOptions) {
    this.#options = options;
    this.numbers = { available: options.stock ?? 100, reserved: 0, sold: 0 };
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#has('serves one call at a time')) return this.#serve(request, response);
    this.#last = this.#last.then(() => this.#serve(request, response));
    return this.#last;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const before = this.#rows.get(keyOf(request, this.#options.fault ?? null))?.state ?? 'absent';
    const body = await read(request).catch(() => null);
    if (body === null) return;
    const answer = await this.#answer(request, response, body, before);
    if (answer.status === 307) response.setHeader('location', '/elsewhere/try');
    if (answer.status === 202) response.setHeader('retry-after', '0');
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
    before: State,
  ): Promise<Answer> {
    const { show = (numbers) => numbers, secret = null, instead, fault = null } = this.#options;
    this.#expire();
    if (request.url === '/numbers') return done(this.#readNumbers(show));
    const status = instead?.(request) ?? null;
    if (status !== null) return { status, body: { instead: 'of the participant' } };
    const op = opOf(request, this.#kind === 'tcc' ? 'tcc' : 'saga');
    if (op === null) return { status: 404, body: {} };
    const fraud = secret === null ? null : this.#fraudIn(request, body, secret);
    if (fraud !== null && fault !== 'believes anybody') return { status: 401, body: { fraud } };
    if (op === 'try' && fault === 'redirects tries') return { status: 307, body: {} };
    const deadlineAt = Date.parse(String(request.headers['tcc-deadline']));
    const kind = String(request.headers['tcc-kind'] ?? '') || null;
    const call = { key: keyOf(request, fault), op, kind, deadlineAt, isTooMuch: body.includes('too much') };
    await this.#forgetting.get(call.key);
    const row = this.#rowOf(call.key);
    if (fault === 'keeps one branch of a gid') this.#forgetOthers(call.key);
    const answer = await this[op](call, row, fault === 'looks before the body has come' ? before : row.state);
    if (fault === 'forgets when the caller hangs up') await this.#forget(call, response);
    return answer;
  }

  get #kind(): Kind {
    return this.#options.kind ?? 'tcc';
  }

  /** One that does not read the signed kind takes the one of `webhook-id` for that of the header. */
  #fraudIn({ headers }: IncomingMessage, body: string, secret: string): string | null {
    const [, , , signedKind] = String(headers['webhook-id']).split('/');
    const kind = this.#has('does not read the signed kind') ? signedKind : headers['tcc-kind'];
    return verifySignature({ ...headers, 'tcc-kind': kind }, body, [secret]);
  }

  /** Whether the activity does not serve what the call takes it for. */
  #isOfAnotherKind({ kind }: Call): boolean {
    if (this.#has('ignores the kind') || (this.#has('ignores the kind pivot') && kind === 'pivot'))
      return false;
    if (kind === null) return this.#has('refuses calls without a kind');
    return this.#has('serves its own kind alone') ? kind !== this.#kind : !SERVED[this.#kind].includes(kind);
  }

  /** A pivot is never undone, on whichever side it is taken for one: what refuses it once refuses it for good. */
  async #refuse(call: Call, row: Row, reason: string, forgetful: Fault): Promise<Answer> {
    if (this.#has('remembers refusals too late')) await databaseTime();
    const isPivot = this.#kind === 'pivot' || call.kind === 'pivot';
    if (isPivot && row.state === 'absent' && !this.#has(forgetful)) row.state = 'refused';
    if (this.#has('refuses, and reserves all the same')) this.#move('available', this.#taken);
    return this.#noToTry(reason);
  }

  async try(call: Call, row: Row, state: State): Promise<Answer> {
    const { accepts } = this.#options;
    const number = `r-${++this.#reservationCount}`;
    const isLate = call.deadlineAt < Date.now() && !this.#has('ignores the deadline');
    if (state === 'cancelled' && this.#isAccepted(row) && accepts === 'accepts again after the cancel')
      return ACCEPTED;
    if (state === 'cancelled' || (state === 'tombstone' && !this.#has('leaves no tombstone'))) {
      if (this.#has('refuses, and reserves all the same')) this.#move('available', this.#taken);
      return this.#noToTry('it was cancelled before');
    }
    if (state === 'refused') return this.#noToTry('it was refused before');
    if (state === 'tried' && isLate && this.#has('judges the deadline first'))
      return this.#noToTry('the deadline has passed');
    if (state === 'tried' && this.#isAccepted(row)) return this.#poll(row, isLate);
    if (state === 'tried' || state === 'confirmed') return this.#repeatedTry(row, number);
    if (this.#isOfAnotherKind(call))
      return this.#refuse(call, row, 'it is of another kind', 'forgets refusals for the kind');
    if (isLate)
      return this.#refuse(call, row, 'the deadline has passed', 'forgets refusals for the deadline');
    if (call.isTooMuch || this.numbers.available < 1)
      return this.#refuse(call, row, 'sold out', 'forgets refusals of the business');
    if (this.#has('tries twice at once')) await this.#databaseWork(call.key);
    this.#move('available', this.#taken);
    row.state = 'tried';
    row.deadlineAt = call.deadlineAt;
    row.result ??= { reservation: number, ...this.#options.result };
    return this.#options.accepts === undefined ? done(row.result) : ACCEPTED;
  }

  #isAccepted({ pollCount }: Row): boolean {
    const { accepts } = this.#options;
    return accepts === 'for ever' || (accepts !== undefined && pollCount < MAX_POLLS);
  }

  #poll(row: Row, isLate: boolean): Answer {
    const { accepts } = this.#options;
    row.pollCount += 1;
    if (isLate && accepts === 'refuses polls after the deadline') return refused('the deadline has passed');
    if (accepts === 'works at each poll') this.#move('available', this.#taken);
    return ACCEPTED;
  }

  #repeatedTry(row: Row, number: string): Answer {
    if (this.#has('refuses a repeated try')) return refused('it was tried before');
    if (this.#has('tries twice')) this.#move('available', this.#taken);
    return done(this.#has('answers each try with a new number') ? { reservation: number } : row.result);
  }

  async confirm(call: Call, row: Row, state: State): Promise<Answer> {
    if (this.#has('has no confirm')) return { status: 404, body: {} };
    if (this.#has('lets reservations expire') && call.deadlineAt < Date.now()) return refused('expired');
    if (this.#has('keeps the deadline of the try') && row.deadlineAt < Date.now()) return refused('expired');
    if (state === 'absent' && !this.#has('confirms without a try')) return refused('never tried');
    if (state === 'cancelled' || state === 'tombstone')
      return this.#has('confirms after the cancel') ? done() : refused('cancelled before');
    if (state === 'stuck') return refused('somebody else works on it');
    if (state === 'confirmed') {
      if (this.#has('refuses a repeated confirm')) return refused('confirmed before');
      if (this.#has('confirms twice')) this.#move('reserved', 'sold');
      return done();
    }
    const ends = this.#has('sells without taking off the shelf') ? this.#sellMore : this.#sell;
    return this.#end(call.key, row, 'confirmed', ends);
  }

  async cancel(call: Call, row: Row, state: State): Promise<Answer> {
    if (this.#has('has no cancel')) return { status: 404, body: {} };
    if (this.#has('refuses every cancel')) return refused('what is done is done');
    if (this.#has('refuses second phases for their kind') && this.#isOfAnotherKind(call))
      return refused('it is of another kind');
    if (state === 'confirmed')
      return this.#has('cancels after the confirm') ? done() : refused('confirmed before');
    if (state === 'stuck') return refused('somebody else works on it');
    if (state === 'absent' || state === 'refused') return this.#cancelNothing(row);
    if (state === 'tried' && KEPT.includes(this.#kind)) return refused('nothing undoes it');
    if (state === 'tried' && this.#isAccepted(row)) {
      if (this.#options.accepts === 'refuses to cancel the accepted') return refused('it goes on');
      if (this.#options.accepts === 'cancels the accepted without work') {
        row.state = 'cancelled';
        return done();
      }
    }
    if (state === 'cancelled' || state === 'tombstone') {
      if (this.#has('refuses a repeated cancel') && state === 'cancelled') return refused('cancelled before');
      if (this.#has('cancels twice') && state === 'cancelled') this.#move(this.#taken, 'available');
      return done();
    }
    const ends = this.#has('sells what is cancelled') ? this.#sell : this.#putBack;
    return this.#end(call.key, row, 'cancelled', ends);
  }

  #cancelNothing(row: Row): Answer {
    if (this.#has('knows no branch to cancel')) return { status: 404, body: { reason: 'unknown branch' } };
    if (this.#has('gives back what was never reserved')) this.#move(this.#taken, 'available');
    row.state = 'tombstone';
    return done();
  }

  /** Confirm or cancel of a branch that was found tried. */
  async #end(key: string, row: Row, endsAs: 'confirmed' | 'cancelled', work: () => void): Promise<Answer> {
    const rival = row.endsAs;
    row.endsAs = endsAs;
    if (this.#has('confirms twice at once') || this.#has('locks each op for itself'))
      await this.#databaseWork(key);
    if (this.#has('cancels twice at once') && endsAs === 'cancelled') await this.#databaseWork(key);
    if (this.#has('locks each op for itself') && row.state === endsAs) return done();
    if (this.#has('confirms twice at once') && row.state !== 'tried' && row.state !== endsAs)
      return refused('somebody else was faster');
    if (this.#has('refuses both at once') && rival !== null && rival !== endsAs) row.state = 'stuck';
    if (this.#has('refuses both at once') || this.#has('acts before it looks again'))
      await this.#databaseWork(key);
    if (row.state === 'stuck') return refused('somebody else works on it');
    if (this.#has('acts before it looks again')) {
      if (row.state === endsAs) return done();
      work();
      if (row.state !== 'tried') return refused('somebody else was faster');
    } else if (!this.#has('refuses both at once') || row.state === 'tried') work();
    row.state = endsAs;
    return done();
  }

  #noToTry(reason: string): Answer {
    if (this.#has('says FAILURE with 200')) return done({ result: 'FAILURE', reason });
    return this.#has('refuses with 400') ? { status: 400, body: { reason } } : refused(reason);
  }

  /** Where a try puts what it takes. */
  get #taken(): 'reserved' | 'sold' {
    return this.#kind === 'tcc' ? 'reserved' : 'sold';
  }

  readonly #sell = () => this.#move(this.#taken, 'sold');
  readonly #putBack = () => this.#move(this.#taken, 'available');
  readonly #sellMore = () => {
    this.numbers.sold += 1;
  };

  #move(from: keyof Numbers, to: keyof Numbers): void {
    const isEarly = EARLY_ANSWERS.some(
      ([fault, ...way]) => this.#has(fault) && way.join() === `${from},${to}`,
    );
    const countOf = (place: keyof Numbers) => (place === 'sold' && this.#has('books two for one') ? 2 : 1);
    const work = () => {
      this.numbers[from] -= countOf(from);
      this.numbers[to] += countOf(to);
    };
    if (isEarly) this.#owed.push(work);
    else work();
  }

  #readNumbers(show: NonNullable<SampleParticipantOptions['show']>): unknown {
    const read: unknown = structuredClone(show(this.numbers));
    for (const work of this.#owed.splice(0)) work();
    return read;
  }

  /** Ends when another call of the branch has come as far, so that two that come at once always meet. */
  #databaseWork(key: string): Promise<void> {
    const other = this.#atWork.get(key);
    if (other !== undefined) {
      this.#atWork.delete(key);
      other();
      return new Promise((resolve) => setImmediate(resolve));
    }
    const { promise: met, resolve: meet } = Promise.withResolvers<void>();
    this.#atWork.set(key, meet);
    return Promise.race([met, databaseTime()]).then(() => {
      if (this.#atWork.get(key) === meet) this.#atWork.delete(key);
    });
  }

  /** As a job of the database does it at the deadline. */
  #expire(): void {
    if (!this.#has('gives back at the deadline')) return;
    for (const [key, { state, deadlineAt }] of this.#rows) {
      if (state !== 'tried' || deadlineAt > Date.now()) continue;
      this.#putBack();
      this.#rows.delete(key);
    }
  }

  /** The answer takes a while, and a call whose caller does not wait for it is forgotten. The next of its branch comes after it. */
  #forget({ key }: Call, response: ServerResponse): Promise<void> {
    const closed = once(response, 'close').then(() => response.writableFinished || this.#rows.delete(key));
    const over = Promise.race([closed, databaseTime()]).then(() => {});
    this.#forgetting.set(key, over);
    return over;
  }

  #forgetOthers(key: string): void {
    const [gid = ''] = key.split('/');
    for (const other of this.#rows.keys())
      if (other.startsWith(gid) && other !== key) this.#rows.delete(other);
  }

  #rowOf(key: string): Row {
    const row = this.#rows.get(key) ?? {
      state: 'absent',
      result: null,
      endsAs: null,
      deadlineAt: Number.POSITIVE_INFINITY,
      pollCount: 0,
    };
    this.#rows.set(key, row);
    return row;
  }

  #has(fault: Fault): boolean {
    return this.#options.fault === fault;
  }
}

function keyOf({ headers }: IncomingMessage, fault: Fault | null): string {
  const [gid, branchId] = [headers['tcc-transaction-id'], headers['tcc-branch-id']];
  if (fault === 'knows branches by gid') return String(gid);
  if (fault === 'knows no small letters') return `${gid}/${String(branchId).toUpperCase()}`;
  return fault === 'knows branches by branchId' ? String(branchId) : `${gid}/${branchId}`;
}

const OPS: { readonly [pattern: string]: readonly (readonly [op: string, as: Op])[] } = {
  tcc: [
    ['try', 'try'],
    ['confirm', 'confirm'],
    ['cancel', 'cancel'],
  ],
  saga: [
    ['action', 'try'],
    ['compensate', 'cancel'],
  ],
};

const opOf = ({ method, url }: IncomingMessage, pattern: string): Op | null =>
  OPS[pattern]?.find(([op]) => method === 'POST' && url === `/reserve/${op}`)?.[1] ?? null;

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
