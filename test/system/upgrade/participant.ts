/**
 * A participant with a barrier in memory, in the process of the test: what it did outlives every coordinator. It notes each call
 * that no correct coordinator makes.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

type Op = 'try' | 'confirm' | 'cancel';
type Done = { [op in Op]: boolean };

/** In a payload: its try is refused. */
export const REFUSE = 'refuse';
/** In a payload: its confirm and cancel are answered 500 while the participant is failing. */
export const FAIL = 'fail';

export class Participant {
  /** Calls that contradict what was done before. */
  readonly violations: string[] = [];
  isFailing = false;
  readonly #done = new Map<string, Done>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const [gid, branchId, op] = ['transaction-id', 'branch-id', 'op'].map((name) =>
        String(request.headers[`tcc-${name}`]),
      );
      const isFailed = this.isFailing && op !== 'try' && body.includes(FAIL);
      response.statusCode = isFailed ? 500 : this.call(`${gid}/${branchId}`, op as Op, body.includes(REFUSE));
      response.end();
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** @returns the HTTP status */
  call(key: string, op: Op, isRefused = false): number {
    const done = this.#done.get(key) ?? { try: false, confirm: false, cancel: false };
    this.#done.set(key, done);
    if (op === 'try') {
      if (isRefused || done.cancel) return 409;
      done.try = true;
      return 200;
    }
    const isContradicted = op === 'confirm' ? !done.try || done.cancel : done.confirm;
    if (isContradicted) this.violations.push(`${op} of ${key} after ${JSON.stringify(done)}`);
    done[op] = true;
    return 200;
  }

  /** How a branch ended here; `reserved` is a try that was neither confirmed nor cancelled. */
  stateOf(key: string): 'nothing' | 'reserved' | 'confirmed' | 'cancelled' {
    const done = this.#done.get(key);
    if (done?.confirm) return 'confirmed';
    if (done?.cancel) return 'cancelled';
    return done?.try ? 'reserved' : 'nothing';
  }
}
