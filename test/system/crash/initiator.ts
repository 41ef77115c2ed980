/**
 * The initiator of one global transaction: its requests to the coordinator, and their answers (I3).
 * Each request may go to another coordinator process.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type * as wire from '@tercet/sdk/wire';
import { v7 as uuidv7 } from 'uuid';
import { MARKS } from '../../support/marks.ts';
import { type BranchId, type TransactionShape, type BranchShape, requestOf } from './transaction-shapes.ts';
import type { Participants } from './participants.ts';

export type InitiatorParts = {
  readonly participants: Participants;
  /** Where a coordinator listens now. */
  readonly coordinatorUrl: () => string;
  readonly shape: TransactionShape;
  /** Different in every transaction, so that two errors cannot cancel each other out in a sum. */
  readonly amount: number;
  /** The branch that is refused, whenever it is asked for. */
  readonly refused: BranchId | undefined;
  readonly timeoutMs: number;
  /** Whether the coordinator is to name it; then only its key tells a repeated begin. */
  readonly isUnnamed: boolean;
};

const MAX_WAIT_SECONDS = 60;
const AGAIN_AFTER_MS = 200;

export class Initiator {
  readonly shape: TransactionShape;
  readonly amount: number;
  /** Every answer of a coordinator, oldest first. */
  readonly told: wire.TransactionView[] = [];
  readonly #given: InitiatorParts;
  readonly #key = uuidv7();

  constructor(given: InitiatorParts) {
    this.#given = given;
    this.shape = given.shape;
    this.amount = given.amount;
  }

  get gid(): string {
    return this.#given.isUnnamed ? (this.told[0]?.gid ?? '') : this.#key;
  }

  /** Begins it declared. A client that repeats this asks for the same, and never for a second one. */
  async declare(waitSeconds = 0): Promise<void> {
    const branches = this.shape.branches.map((branch) => this.#request(branch));
    const headers: Record<string, string> = { 'idempotency-key': `${MARKS.idempotencyKey}-${this.#key}` };
    if (waitSeconds > 0) headers.prefer = `wait=${waitSeconds}`;
    await this.#ask('', { ...this.#beginning(), branches }, headers);
  }

  /** As a client that needs the end: a wait that runs out is begun again. */
  async declareUntilEnded(): Promise<void> {
    do await this.declare(MAX_WAIT_SECONDS);
    while (this.told.at(-1)?.finishedAt === null);
  }

  async begin(): Promise<void> {
    await this.#ask('', this.#beginning());
  }

  async register(...branchIds: BranchId[]): Promise<void> {
    for (const branchId of branchIds)
      await this.#ask(`/${this.gid}/branches`, this.#request(this.#branch(branchId)));
  }

  /** The initiator's own call of a participant. @returns whether it succeeded */
  async tryBranch(branchId: BranchId): Promise<boolean> {
    const { participant, activity, payload } = this.#request(this.#branch(branchId));
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

  /** @returns why it was refused */
  async cancelInVain(): Promise<string> {
    const url = `${this.#given.coordinatorUrl()}/v1/transactions/${this.gid}/cancel`;
    const response = await fetch(url, post({}, {}));
    const body = (await response.json()) as Partial<wire.ProblemDocument>;
    if (response.status !== 409) throw new Error(`a cancel was answered ${JSON.stringify(body)}`);
    return body.code ?? '';
  }

  async read(): Promise<void> {
    await this.#hear(await fetch(`${this.#given.coordinatorUrl()}/v1/transactions/${this.gid}`));
  }

  /** A request of which nothing was made durable, since the database is slow, is sent again. */
  async #ask(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<void> {
    for (;;) {
      const url = `${this.#given.coordinatorUrl()}/v1/transactions${path}`;
      const response = await fetch(url, post(body, headers));
      if (response.status !== 503) return this.#hear(response);
      await response.body?.cancel();
      await pause(AGAIN_AFTER_MS);
    }
  }

  async #hear(response: Response): Promise<void> {
    const body = await response.json();
    if (!response.ok) throw new Error(`the coordinator refused: ${JSON.stringify(body)}`);
    this.told.push(body as wire.TransactionView);
  }

  #beginning() {
    const { isUnnamed, timeoutMs, shape } = this.#given;
    const { pattern, callback } = shape;
    const gid = isUnnamed ? {} : { gid: this.#key };
    return {
      ...gid,
      pattern,
      name: 'order',
      businessKey: MARKS.businessKey,
      timeoutMs,
      ...(callback && { callback }),
    };
  }

  #branch(branchId: BranchId): BranchShape {
    return this.shape.branches.find((one) => one.branchId === branchId) as BranchShape;
  }

  #request(branch: BranchShape): wire.DeclaredBranchRequest {
    return requestOf(branch, this.amount, branch.branchId === this.#given.refused);
  }
}

const post = (body: unknown, headers: Record<string, string>): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
  // No test waits for ever.
  signal: AbortSignal.timeout(90_000),
});
