/**
 * The participants of all races: one real HTTP server with a faithful barrier, which remembers what it was asked for and
 * what took effect. A test can make it ill for one transaction, or hold the answers to it.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Op } from '../../../src/domain/index.ts';

export const PARTICIPANT = 'inventory';

/** What became of one branch here. */
export type Work = {
  /** The ops that took effect, in their order. */
  readonly effects: Op[];
  /** Bodies that differ; one, however often it is called. */
  readonly bodies: Set<string>;
  /** Its try is accepted, and has neither ended nor been cancelled. */
  isAccepted: boolean;
  /** A cancel came while its try was accepted: the try never took effect. */
  isCutShort: boolean;
};

/** In a payload: its try is answered 202, until `end`. */
export const ACCEPT = 'accept';

export class Participants {
  /** What must never happen, and did. */
  readonly faults: string[] = [];
  readonly #work = new Map<string, Map<string, Work>>();
  readonly #ill = new Set<string>();
  readonly #held = new Map<string, (() => void)[]>();
  readonly #server: Server = createServer(async (request, response) => {
    // Its caller gave up before all of it was sent: it never arrived.
    const body = await text(request).catch(() => null);
    if (body === null) return;
    try {
      response.statusCode = await this.#answer(request, body);
    } catch (error) {
      this.faults.push(`a call could not be served: ${error}`);
      response.statusCode = 500;
    }
    response.end();
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    for (const answers of this.#held.values()) for (const answer of answers) answer();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Every call of this transaction is answered 503, until `heal`. */
  fallIll(gid: string): void {
    this.#ill.add(gid);
  }

  heal(gid: string): void {
    this.#ill.delete(gid);
  }

  isAccepted(gid: string, branchId: string): boolean {
    return this.workOf(gid).get(branchId)?.isAccepted ?? false;
  }

  /** The work of an accepted try has ended, and is recorded. @returns false where its cancel came first */
  end(gid: string, branchId: string): boolean {
    const work = this.#branchWork(gid, branchId);
    if (!work.isAccepted) return false;
    work.isAccepted = false;
    work.effects.push('try');
    return true;
  }

  /** From now on the answers to second-phase calls of this transaction wait, each for its `answerFirst`. */
  holdAnswers(gid: string): void {
    this.#held.set(gid, []);
  }

  heldCount(gid: string): number {
    return this.#held.get(gid)?.length ?? 0;
  }

  answerFirst(gid: string): void {
    this.#held.get(gid)?.shift()?.();
  }

  /** By branch; a branch that was never called is not in it. */
  workOf(gid: string): ReadonlyMap<string, Work> {
    return this.#work.get(gid) ?? new Map();
  }

  async #answer(request: IncomingMessage, body: string): Promise<number> {
    const header = (name: string) => String(request.headers[name]);
    const [gid, branchId] = [header('tcc-transaction-id'), header('tcc-branch-id')];
    const op = header('tcc-op') as Op;
    if (this.#ill.has(gid)) return 503;
    const status = this.#take(this.#branchWork(gid, branchId), op, body);
    if (status === 409 && op !== 'try') this.faults.push(`I1: ${op} of ${gid}/${branchId} contradicts`);
    const held = op === 'try' ? undefined : this.#held.get(gid);
    if (held) await new Promise<void>((resolve) => held.push(resolve));
    return status;
  }

  /** The barrier: the same op again changes nothing, the opposite is refused, and so is a try after its cancel. */
  #take(work: Work, op: Op, body: string): number {
    const { effects, bodies } = work;
    const isFirst = bodies.size === 0;
    bodies.add(body);
    if (op === 'try' && isFirst && body.includes(ACCEPT)) work.isAccepted = true;
    if (op === 'try' && work.isAccepted) return 202;
    // A cancel ends what was accepted.
    work.isCutShort ||= work.isAccepted;
    work.isAccepted = false;
    if (effects.includes(op)) return 200;
    if (effects.includes('cancel') || (effects.includes('confirm') && op === 'cancel')) return 409;
    effects.push(op);
    return 200;
  }

  #branchWork(gid: string, branchId: string): Work {
    const branches = this.#work.get(gid) ?? new Map<string, Work>();
    this.#work.set(gid, branches);
    const work = branches.get(branchId) ?? {
      effects: [],
      bodies: new Set(),
      isAccepted: false,
      isCutShort: false,
    };
    branches.set(branchId, work);
    return work;
  }
}
