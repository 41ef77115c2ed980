/**
 * Two participants, `inventory` and `payment`, as real HTTP servers with a faithful barrier, whose calls a test can hold.
 *
 * A barrier's record and its work change together, in one step of this process, as they would in one SQL transaction. What
 * is held stays held when its caller dies: the effect of a held request lands late, and the answer to it is lost.
 *
 * On arrival, each call is compared with the journal: what it stands on must be durable (I9).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { GlobalTransaction, Op } from '../../src/domain/index.ts';

export const BRANCHES = [
  { branchId: 'stock', participant: 'inventory', activity: 'reserve' },
  { branchId: 'money', participant: 'payment', activity: 'hold' },
] as const;

export type BranchId = (typeof BRANCHES)[number]['branchId'];
export type ParticipantName = (typeof BRANCHES)[number]['participant'];

/** What a participant knows of a branch. A tombstone is a cancel that found no try. */
export type WorkRecord = 'nothing' | 'tried' | 'confirmed' | 'cancelled' | 'tombstone';

/**
 * What becomes of a call.
 * - `holdRequest`: it waits at the gate, before its effect.
 * - `holdAnswer`: it has its effect, and the answer waits.
 * - `holdOnceSiblingIsSaved`: 503 until the reply of the other branch is durable; then `holdRequest`.
 */
export type Treatment = 'take' | 'holdRequest' | 'holdAnswer' | 'holdOnceSiblingIsSaved';

/** What becomes of the calls of one transaction; a call that is not named is taken. */
export type Script = { readonly [call in `${BranchId} ${Op}`]?: Treatment };

type Call = {
  readonly gid: string;
  readonly branchId: BranchId;
  readonly op: Op;
  readonly body: string;
  readonly deadlineAt: number;
};

type Account = { readonly name: ParticipantName; available: number; held: number; taken: number };

/** What is in an account at first; enough for every order of a test. */
export const INITIAL = 1_000_000_000;

export class Participants {
  /** What must never happen, and did. */
  readonly faults: string[] = [];
  readonly accounts: readonly Account[];
  readonly #durable: (gid: string) => Promise<GlobalTransaction | null>;
  readonly #server: Server;
  readonly #records = new Map<string, WorkRecord>();
  /** The bodies of a branch: one, however often it is called. */
  readonly #bodies = new Map<string, string>();
  readonly #callCounts = new Map<string, number>();
  readonly #scripts = new Map<string, Script>();
  readonly #gates = new Map<string, (() => void)[]>();
  readonly #watchers = new Set<() => void>();
  #underWayCount = 0;

  /** @param given.durable the transaction as the journal has it now */
  constructor(given: { durable: (gid: string) => Promise<GlobalTransaction | null> }) {
    this.#durable = given.durable;
    this.accounts = BRANCHES.map(({ participant: name }) => ({
      ...{ name, available: INITIAL, held: 0, taken: 0 },
    }));
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
    const gates = this.#gates.get(gid) ?? [];
    this.#gates.delete(gid);
    for (const open of gates) open();
  }

  heldCount(gid: string): number {
    return this.#gates.get(gid)?.length ?? 0;
  }

  /** How many calls of this op arrived, for any branch. */
  callCount(gid: string, op: Op): number {
    return BRANCHES.reduce(
      (sum, { branchId }) => sum + (this.#callCounts.get(`${gid}/${branchId}/${op}`) ?? 0),
      0,
    );
  }

  recordOf(gid: string, branchId: string): WorkRecord {
    return this.#records.get(`${gid}/${branchId}`) ?? 'nothing';
  }

  /** Answers at once when `isTrue`, which is asked again after each thing that happens here. */
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

  /** Answers when every call that arrived and is not held has had its effect. */
  async quiet(): Promise<void> {
    const isQuiet = () => this.#underWayCount === [...this.#gates.values()].flat().length;
    await this.until('no call is under way', isQuiet, 10_000);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#underWayCount += 1;
    try {
      const call = await callOf(request);
      response.statusCode = await this.#answer(call);
    } catch (error) {
      this.faults.push(`a call could not be served: ${error}`);
      response.statusCode = 500;
    }
    response.end();
    this.#underWayCount -= 1;
    this.#tell();
  }

  async #answer(call: Call): Promise<number> {
    const { gid, branchId, op } = call;
    const key = `${gid}/${branchId}/${op}`;
    this.#callCounts.set(key, (this.#callCounts.get(key) ?? 0) + 1);
    const durable = await this.#durable(gid);
    this.#check(call, durable);
    const treatment = this.#scripts.get(gid)?.[`${branchId} ${op}`] ?? 'take';
    switch (treatment) {
      case 'take':
        return this.#take(call);
      case 'holdRequest':
        await this.#gate(gid);
        return this.#take(call);
      case 'holdAnswer': {
        const status = this.#take(call);
        await this.#gate(gid);
        return status;
      }
      case 'holdOnceSiblingIsSaved': {
        const sibling = durable?.branches.find((branch) => branch.branchId !== branchId);
        const heard = op === 'try' ? sibling?.phaseOne : sibling?.phaseTwo;
        if (heard?.reply !== 'succeeded') return 503;
        await this.#gate(gid);
        return this.#take(call);
      }
    }
  }

  /** I9, and one body for each branch, in whichever life of the coordinator it is sent. */
  #check({ gid, branchId, op, body }: Call, durable: GlobalTransaction | null): void {
    const isRegistered = durable?.branches.some((branch) => branch.branchId === branchId) ?? false;
    if (!isRegistered) this.faults.push(`I9: ${op} of ${gid}/${branchId} came before the branch was durable`);
    if (op !== 'try' && durable?.decision?.decision !== op)
      this.faults.push(`I9: ${op} of ${gid}/${branchId} came before its decision was durable`);
    const known = this.#bodies.get(`${gid}/${branchId}`) ?? body;
    this.#bodies.set(`${gid}/${branchId}`, known);
    if (known !== body) this.faults.push(`${op} of ${gid}/${branchId} was sent with another body: ${body}`);
  }

  #gate(gid: string): Promise<void> {
    return new Promise((resolve) => {
      this.#gates.set(gid, [...(this.#gates.get(gid) ?? []), resolve]);
      this.#tell();
    });
  }

  #tell(): void {
    for (const look of [...this.#watchers]) look();
  }

  // ── The barrier, and the work behind it ──────────────────────────────────────────────────────────────────

  #take(call: Call): number {
    const { amount, isRefused = false } = JSON.parse(call.body) as { amount: number; isRefused?: boolean };
    const account = this.#accountOf(call.branchId);
    const record = this.recordOf(call.gid, call.branchId);
    const become = (next: WorkRecord): number => {
      this.#records.set(`${call.gid}/${call.branchId}`, next);
      return 200;
    };
    switch (call.op) {
      case 'try':
        if (record === 'cancelled' || record === 'tombstone') return 409;
        if (record !== 'nothing') return 200;
        if (isRefused || Date.now() >= call.deadlineAt) return 409;
        account.available -= amount;
        account.held += amount;
        return become('tried');
      case 'confirm':
        if (record === 'confirmed') return 200;
        if (record !== 'tried') return this.#refuse(call, record);
        account.held -= amount;
        account.taken += amount;
        return become('confirmed');
      case 'cancel':
        if (record === 'cancelled' || record === 'tombstone') return 200;
        if (record === 'confirmed') return this.#refuse(call, record);
        if (record === 'nothing') return become('tombstone');
        account.held -= amount;
        account.available += amount;
        return become('cancelled');
    }
  }

  /** No coordinator that keeps I1 and I8 ever hears this. */
  #refuse({ gid, branchId, op }: Call, record: WorkRecord): number {
    this.faults.push(`I1: ${op} of ${gid}/${branchId} came, and it is ${record}`);
    return 409;
  }

  #accountOf(branchId: BranchId): Account {
    const index = BRANCHES.findIndex((branch) => branch.branchId === branchId);
    return this.accounts[index] as Account;
  }
}

async function callOf(request: IncomingMessage): Promise<Call> {
  const header = (name: string) => String(request.headers[name]);
  return {
    gid: header('tcc-transaction-id'),
    branchId: header('tcc-branch-id') as BranchId,
    op: header('tcc-op') as Op,
    deadlineAt: Date.parse(header('tcc-deadline')),
    body: await text(request),
  };
}
