/** A client of one of the two coordinators, over real HTTP, with connections to spare. */
import type * as wire from '@tercet/sdk/wire';
import { Agent, request } from 'undici';
import type { CoordinatorProcess } from '../../support/coordinator-process.ts';

export type Verb = 'begin' | 'register' | 'confirm' | 'cancel' | 'retry' | 'complete';

/** A request of a client, and its answer. */
export type Answer = {
  readonly asked: { readonly verb: Verb; readonly branchId?: string };
  readonly status: number;
  readonly body: wire.TransactionView | wire.CompletionView | wire.ProblemDocument;
};

const PATIENCE_MS = 60_000;

export class ReplicaClient {
  readonly #coordinator: CoordinatorProcess;
  readonly #agent = new Agent({ connections: 128, headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS });

  constructor(coordinator: CoordinatorProcess) {
    this.#coordinator = coordinator;
  }

  begin(body: wire.BeginRequest, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask({ verb: 'begin' }, '', body, headers);
  }

  register(gid: string, branch: wire.BranchRequest): Promise<Answer> {
    return this.#ask({ verb: 'register', branchId: branch.branchId }, `/${gid}/branches`, branch);
  }

  /** @param waitSeconds how long the client is ready to wait for the end */
  confirm(gid: string, waitSeconds = 0): Promise<Answer> {
    return this.#ask({ verb: 'confirm' }, `/${gid}/confirm`, {}, { prefer: `wait=${waitSeconds}` });
  }

  cancel(gid: string): Promise<Answer> {
    return this.#ask({ verb: 'cancel' }, `/${gid}/cancel`, {});
  }

  /** The try of a branch has succeeded. */
  complete(gid: string, branchId: string): Promise<Answer> {
    const body: wire.CompletionRequest = { op: 'try', reply: 'succeeded' };
    return this.#ask({ verb: 'complete', branchId }, `/${gid}/branches/${branchId}/complete`, body);
  }

  retry(gid: string): Promise<Answer> {
    return this.#ask({ verb: 'retry' }, `/${gid}/retry`, {});
  }

  async read(gid: string): Promise<wire.TransactionView> {
    const { body } = await this.#send('GET', `/transactions/${gid}`);
    const { path: _path, ...view } = body as wire.TransactionDetails;
    return view;
  }

  async eventsOf(gid: string): Promise<readonly wire.EventView[]> {
    return ((await this.#send('GET', `/transactions/${gid}/events`)).body as wire.EventsView).events;
  }

  async putParticipant(name: string, baseUrl: string): Promise<void> {
    await this.#send('PUT', `/participants/${name}`, { baseUrl });
  }

  /** SIGSTOP: the coordinator is suspended, and keeps its connections, timers and memory. */
  pause(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  /** Each line of its log names it. */
  get #pid(): number {
    return Number(/"pid":(\d+)/.exec(this.#coordinator.printed)?.[1]);
  }

  async #ask(
    asked: Answer['asked'],
    path: string,
    body: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return { asked, ...(await this.#send('POST', `/transactions${path}`, body, headers)) } as Answer;
  }

  /** A failure that is not the request's fault fails the race. */
  async #send(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ) {
    const response = await request(`${this.#coordinator.url}/v1${path}`, {
      method,
      dispatcher: this.#agent,
      ...(body && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    });
    const answered = await response.body.text();
    const status = response.statusCode;
    if (status >= 500 || (method !== 'POST' && status >= 300))
      throw new Error(`${method} ${path} was answered ${status}: ${answered}`);
    return { status, body: JSON.parse(answered) as unknown };
  }
}
