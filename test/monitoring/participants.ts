/** Participants by name on one HTTP server. A test says how each answers an op, and changes it while they run. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export type Reaction = { readonly status: number; readonly afterMs?: number };

/** Ops that are not named succeed. */
export type Conduct = { readonly [op: string]: Reaction };

export class Participants {
  readonly #conducts = new Map<string, Conduct>();
  readonly #server: Server = createServer(async (request, response) => {
    request.resume();
    const [, participant = ''] = (request.url ?? '').split('/');
    const op = String(request.headers['tcc-op']);
    const { status, afterMs = 0 } = this.#conducts.get(participant)?.[op] ?? { status: 200 };
    await pause(afterMs);
    response.writeHead(status).end();
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  set(participant: string, conduct: Conduct): void {
    this.#conducts.set(participant, conduct);
  }

  urlOf(participant: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${participant}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
