/** What the shop, as an initiator, says to the coordinator: its HTTP API, a method a request. */
import type {
  BeginRequest,
  BranchRequest,
  DeclaredBranchRequest,
  EventsView,
  EventView,
  TransactionDetails,
  TransactionView,
} from '@tercet/sdk/wire';

const GIVE_UP_AFTER_MS = 75_000;

export type Transaction = TransactionView;
/** With the path that it has taken. */
export type Details = TransactionDetails;
export type Event = EventView;
export type Branch = BranchRequest;
/** A branch of a saga that says what it waits for. */
export type Step = DeclaredBranchRequest & { readonly dependsOn: string[] };

type Asking = {
  readonly body?: unknown;
  /** How long the coordinator may wait for the end before it answers. */
  readonly waitS?: number;
  /** Makes a begin repeatable: the same key and body are the same transaction. */
  readonly idempotencyKey?: string;
};

export class Tercet {
  readonly #url: () => string;

  constructor(url: () => string) {
    this.#url = url;
  }

  async register(name: string, baseUrl: string): Promise<void> {
    await this.#ask('PUT', `/v1/participants/${name}`, { body: { baseUrl } });
  }

  begin(body: BeginRequest, how: Omit<Asking, 'body'> = {}): Promise<Transaction> {
    return this.#ask('POST', '/v1/transactions', { body, ...how });
  }

  registerBranch(gid: string, branch: Branch): Promise<Transaction> {
    return this.#ask('POST', `/v1/transactions/${gid}/branches`, { body: branch });
  }

  confirm(gid: string, waitS: number): Promise<Transaction> {
    return this.#ask('POST', `/v1/transactions/${gid}/confirm`, { waitS });
  }

  find(gid: string): Promise<Details> {
    return this.#ask('GET', `/v1/transactions/${gid}`);
  }

  async events(gid: string): Promise<readonly Event[]> {
    const { events } = await this.#ask<EventsView>('GET', `/v1/transactions/${gid}/events`);
    return events;
  }

  async #ask<T>(method: string, path: string, { body, waitS, idempotencyKey }: Asking = {}): Promise<T> {
    const response = await fetch(`${this.#url()}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(waitS !== undefined && { prefer: `wait=${waitS}` }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }
}
