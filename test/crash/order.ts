/**
 * One global transaction as its initiator sees it: what it asks of the coordinator, and what it was told (I3).
 * The coordinator may be another process each time that it asks.
 */
import type * as wire from '@tercet/sdk/wire';
import { v7 as uuidv7 } from 'uuid';
import { BRANCHES, type BranchId, type Participants } from './participants.ts';

export type OrderParts = {
  readonly participants: Participants;
  /** Where a coordinator listens now. */
  readonly coordinatorUrl: () => string;
  /** Its own in every order, so that two errors cannot cancel each other out in a sum. */
  readonly amount: number;
  /** `payment` says no to its try, whenever it is asked. */
  readonly isRefused: boolean;
  readonly timeoutMs: number;
};

export class Order {
  readonly gid = uuidv7();
  readonly amount: number;
  /** Every answer of a coordinator, oldest first. */
  readonly told: wire.TransactionView[] = [];
  readonly #given: OrderParts;

  constructor(given: OrderParts) {
    this.#given = given;
    this.amount = given.amount;
  }

  /** Begins it declared. A client that repeats this asks for the same, and never for a second one. */
  async declare(waitSeconds = 0): Promise<void> {
    const branches = BRANCHES.map(({ branchId }) => this.#branch(branchId));
    const headers: Record<string, string> = { 'idempotency-key': `order-${this.gid}` };
    if (waitSeconds > 0) headers.prefer = `wait=${waitSeconds}`;
    await this.#ask('', { ...this.#beginning(), branches }, headers);
  }

  async begin(): Promise<void> {
    await this.#ask('', this.#beginning());
  }

  async register(...branchIds: BranchId[]): Promise<void> {
    for (const branchId of branchIds) await this.#ask(`/${this.gid}/branches`, this.#branch(branchId));
  }

  /** The initiator's own call of a participant. @returns whether it succeeded */
  async tryBranch(branchId: BranchId): Promise<boolean> {
    const { participant, activity, payload } = this.#branch(branchId);
    const response = await fetch(
      `${this.#given.participants.baseUrlOf(participant)}/${activity}/try`,
      post(payload, {
        'tcc-transaction-id': this.gid,
        'tcc-branch-id': branchId,
        'tcc-op': 'try',
        'tcc-deadline': this.told.at(-1)?.deadlineAt ?? '',
      }),
    );
    return response.ok;
  }

  async confirm(): Promise<void> {
    await this.#ask(`/${this.gid}/confirm`);
  }

  async read(): Promise<void> {
    await this.#hear(await fetch(`${this.#given.coordinatorUrl()}/v1/transactions/${this.gid}`));
  }

  async #ask(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<void> {
    const url = `${this.#given.coordinatorUrl()}/v1/transactions${path}`;
    await this.#hear(await fetch(url, post(body, headers)));
  }

  async #hear(response: Response): Promise<void> {
    const body = await response.json();
    if (!response.ok) throw new Error(`the coordinator refused: ${JSON.stringify(body)}`);
    this.told.push(body as wire.TransactionView);
  }

  #beginning() {
    return { gid: this.gid, name: 'order', timeoutMs: this.#given.timeoutMs };
  }

  #branch(branchId: BranchId) {
    const { amount, isRefused } = this.#given;
    const branch = BRANCHES.find((one) => one.branchId === branchId) as (typeof BRANCHES)[number];
    // Keys and text that a JSON column, or a second serialiser, would change.
    const payload = { z: '日本 🍵', amount, a: 1e21, isRefused: isRefused && branchId === 'money' };
    return { ...branch, payload };
  }
}

const post = (body: unknown, headers: Record<string, string>): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
  // No test waits for ever.
  signal: AbortSignal.timeout(90_000),
});
