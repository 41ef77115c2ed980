/**
 * The participants of both patterns, and the shop that receives callbacks, as a real HTTP server with a correct barrier.
 * A test can hold its calls.
 *
 * What is held stays held when its caller dies: the effect of a held request lands late, or never, and the answer to it
 * is lost.
 *
 * On arrival, each call is compared with the journal: its preconditions must be durable (I9, I10).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type GlobalTransaction, kindOf, type Op } from '../../../src/domain/index.ts';
import { type Answer, ParticipantRecords, type Call } from './participant-records.ts';
import type { BranchId } from './transaction-shapes.ts';
import { missingSagaPrecondition } from '../../support/saga-preconditions.ts';
import { serveSagaCall } from './saga-barrier.ts';
import { serveTccCall, missingTccPrecondition } from './tcc-barrier.ts';

/**
 * What becomes of a call.
 * - `holdRequest`: it waits at the gate, before its effect.
 * - `holdAnswer`: it has its effect, and the answer waits.
 * - `holdOnceSiblingIsSaved`: 503 until the reply of the other branch, of two, is durable; then `holdRequest`.
 */
export type Treatment = 'take' | 'holdRequest' | 'holdAnswer' | 'holdOnceSiblingIsSaved';

export type CallName = `${BranchId} ${Op}` | 'notify';

/** What becomes of the calls of one transaction; a call that is not named is taken. */
export type Script = { readonly [call in CallName]?: Treatment };

/** It passes its gate, or is lost. */
type Passage = 'lands' | 'lost';

type Gate = { readonly name: CallName; readonly open: (passage: Passage) => void };

const LOST: Answer = { status: 500 };
/** Bounds a hang. */
const QUIET_WITHIN_MS = 60_000;

export class Participants {
  readonly records = new ParticipantRecords();
  readonly #durable: (gid: string) => Promise<GlobalTransaction | null>;
  readonly #server: Server;
  /** The bodies of a branch: one, however often it is called. */
  readonly #bodies = new Map<string, string>();
  readonly #callNames = new Map<string, Set<CallName>>();
  readonly #scripts = new Map<string, Script>();
  readonly #gates = new Map<string, Gate[]>();
  readonly #watchers = new Set<() => void>();
  #coordinatorCallCount = 0;
  #underWayCount = 0;

  /** @param given.durable the transaction as the journal has it now */
  constructor(given: { durable: (gid: string) => Promise<GlobalTransaction | null> }) {
    this.#durable = given.durable;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    for (const gid of this.#gates.keys()) this.letGo(gid);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  baseUrlOf(participant: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${participant}`;
  }

  /** What must never happen, and did. */
  get faults(): readonly string[] {
    return this.records.faults;
  }

  /** Until `forgetScript`. */
  follow(gid: string, script: Script): void {
    this.#scripts.set(gid, script);
  }

  /** From now on every call of this transaction is taken; what waits at its gates still waits. */
  forgetScript(gid: string): void {
    this.#scripts.delete(gid);
  }

  /** Opens the gates of a transaction. */
  letGo(gid: string): void {
    this.#open(gid, 'lands');
  }

  /** What waits at the gates of a transaction never arrived. */
  lose(gid: string): void {
    this.#open(gid, 'lost');
  }

  #open(gid: string, passage: Passage): void {
    const gates = this.#gates.get(gid) ?? [];
    this.#gates.delete(gid);
    for (const { open } of gates) open(passage);
  }

  /** How many calls of a transaction are held at gates; a call that timed out and was repeated counts once. */
  heldCount(gid: string): number {
    return new Set(this.#gates.get(gid)?.map(({ name }) => name)).size;
  }

  /** Which calls of a transaction arrived, however often. */
  callNames(gid: string): readonly CallName[] {
    return [...(this.#callNames.get(gid) ?? [])];
  }

  /** How many calls arrived of coordinators, and not of initiators. */
  get coordinatorCallCount(): number {
    return this.#coordinatorCallCount;
  }

  /** Resolves when `isTrue`, which is checked now and after each event here. */
  until(what: string, isTrue: () => boolean, withinMs: number): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`waited ${withinMs} ms in vain until ${what}`));
      }, withinMs);
      const look = () => {
        if (!isTrue()) return;
        end();
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  /** Resolves when every call that arrived and is not held has had its effect. */
  async quiet(): Promise<void> {
    const isQuiet = () => this.#underWayCount === [...this.#gates.values()].flat().length;
    await this.until('no call is under way', isQuiet, QUIET_WITHIN_MS);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await callOf(request);
    // Its caller died, or gave up, before all of it was sent: it never arrived.
    if (call === null) return;
    this.#underWayCount += 1;
    if (request.headers['tcc-attempt'] !== undefined) this.#coordinatorCallCount += 1;
    try {
      const { status, body } = await this.#answer(call);
      response.statusCode = status;
      response.end(body);
    } catch (error) {
      this.records.faults.push(`a call could not be served: ${error}`);
      response.statusCode = 500;
      response.end();
    }
    this.#underWayCount -= 1;
    this.#tell();
  }

  async #answer(call: Call): Promise<Answer> {
    const { gid, branchId, op } = call;
    const name = nameOf(call);
    this.#callNames.set(gid, new Set([...this.callNames(gid), name]));
    const durable = await this.#durable(gid);
    this.#check(call, durable);
    const treatment = this.#scripts.get(gid)?.[name] ?? 'take';
    switch (treatment) {
      case 'take':
        return this.#take(call);
      case 'holdRequest':
        return (await this.#gate(gid, name)) === 'lands' ? this.#take(call) : LOST;
      case 'holdAnswer': {
        const answer = this.#take(call);
        await this.#gate(gid, name);
        return answer;
      }
      case 'holdOnceSiblingIsSaved': {
        const sibling = durable?.branches.find((branch) => branch.branchId !== branchId);
        const heard = op === 'try' ? sibling?.phaseOne : sibling?.phaseTwo;
        if (heard?.reply !== 'succeeded') return { status: 503 };
        return (await this.#gate(gid, name)) === 'lands' ? this.#take(call) : LOST;
      }
    }
  }

  #take(call: Call): Answer {
    if (call.op === 'notify') return this.records.hearNotice(call);
    return isOfSaga(call) ? serveSagaCall(this.records, call) : serveTccCall(this.records, call);
  }

  /** I9, and one body for each branch, in whichever life of the coordinator it is sent. */
  #check(call: Call, durable: GlobalTransaction | null): void {
    const { gid, branchId, op, body } = call;
    const fault = durable === null ? 'came before the transaction was durable' : faultOf(call, durable);
    if (fault !== null) this.records.faults.push(`I9: ${op} of ${gid}/${branchId} ${fault}`);
    const known = this.#bodies.get(`${gid}/${branchId}`) ?? body;
    this.#bodies.set(`${gid}/${branchId}`, known);
    if (known !== body)
      this.records.faults.push(`${op} of ${gid}/${branchId} was sent with another body: ${body}`);
  }

  #gate(gid: string, name: CallName): Promise<Passage> {
    return new Promise((open) => {
      this.#gates.set(gid, [...(this.#gates.get(gid) ?? []), { name, open }]);
      this.#tell();
    });
  }

  #tell(): void {
    for (const look of [...this.#watchers]) look();
  }
}

const isOfSaga = ({ op }: Call): boolean => op === 'action' || op === 'compensate';

function faultOf(call: Call, tx: GlobalTransaction): string | null {
  if (call.op === 'notify') return noticeFault(call, tx);
  const branch = tx.branches.find(({ branchId }) => branchId === call.branchId);
  if (branch === undefined) return 'came before the branch was durable';
  const kind = kindOf(tx.pattern, tx.branches, branch);
  // An initiator of a test that calls a try by itself sends none, which means the declared one.
  if (call.kind !== null && call.kind !== kind) return `came as ${call.kind}, and is ${kind}`;
  return isOfSaga(call) ? missingSagaPrecondition(call, tx) : missingTccPrecondition(call, tx);
}

/** The callback names the end that is durable. */
function noticeFault({ gid, body }: Call, { status, finishedAt }: GlobalTransaction): string | null {
  if (finishedAt === null) return 'came before the end was durable';
  const told = JSON.parse(body);
  return told.gid === gid && told.status === status ? null : `told of another end: ${body}`;
}

const nameOf = ({ branchId, op }: Call): CallName =>
  branchId === null ? 'notify' : (`${branchId} ${op}` as CallName);

/** Null when the connection broke before its end. */
async function callOf(request: IncomingMessage): Promise<Call | null> {
  const header = (name: string) => String(request.headers[name]);
  const op = header('tcc-op') as Op;
  const body = await text(request).catch(() => null);
  if (body === null) return null;
  return {
    gid: header('tcc-transaction-id'),
    branchId: op === 'notify' ? null : header('tcc-branch-id'),
    op,
    kind: request.headers['tcc-kind']?.toString() ?? null,
    deadlineAt: Date.parse(header('tcc-deadline')),
    body,
  };
}
