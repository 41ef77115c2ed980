/**
 * What the numbered examples share: a coordinator that runs for as long as an example does, on an embedded
 * database in a temporary folder, and HTTP servers beside it. All of it is gone at the end, also after an
 * error or Ctrl-C.
 *
 * A program of yours has none of this: coordinator and participants are services of their own, and whoever
 * deploys a participant registers it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Participant, Tercet } from '@tercet/sdk';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret } from '@tercet/sdk/signature';
import type { ParticipantRequest } from '@tercet/sdk/wire';
import { Child } from './demo/children.ts';

export type Coordinator = {
  /** Its address. */
  readonly url: string;
  /** For files of the example. */
  readonly folder: string;
  /** Starts a file as a process of its own, with these arguments; it ends with the example at the latest. */
  readonly start: (file: string, ...args: string[]) => ChildProcess;
  /** Answers the address at which requests are answered so. */
  readonly serve: (answer: RequestListener) => Promise<string>;
  /** Has the coordinator call a participant of this name there. */
  readonly register: (name: string, where: ParticipantRequest) => Promise<void>;
  /** Serves a participant and registers it with the kinds of its activities; answers its address. */
  readonly add: (participant: Participant) => Promise<string>;
};

const lifeline = new URL('demo/lifeline.ts', import.meta.url).href;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

export async function withCoordinator(example: (coordinator: Coordinator) => Promise<void>): Promise<void> {
  const parts = new Parts();
  const onSignal = (signal: keyof typeof EXIT_CODES) =>
    void parts.stop().then(() => process.exit(EXIT_CODES[signal]));
  for (const signal of Object.keys(EXIT_CODES)) process.on(signal, onSignal);
  try {
    await example(await parts.start());
  } catch (error) {
    // What fails because everything was stopped has nothing to say.
    if (parts.isStopped) await new Promise(() => {});
    throw error;
  } finally {
    await parts.stop();
    for (const signal of Object.keys(EXIT_CODES)) process.off(signal, onSignal);
  }
}

/** What runs, and has to be stopped. */
class Parts {
  readonly #servers = new Set<Server>();
  readonly #children = new Set<ChildProcess>();
  #coordinator: Child | null = null;
  #folder: string | null = null;
  #isStopped = false;

  get isStopped(): boolean {
    return this.#isStopped;
  }

  async start(): Promise<Coordinator> {
    const folder = mkdtempSync(join(tmpdir(), 'tercet-example-'));
    this.#folder = folder;
    // Its own port is known only once it runs. In production this is a load balancer.
    const publicUrl = await this.#serve(async (request, response) => {
      const [method, body] = ['POST', await text(request)];
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${this.#coordinator?.url}${request.url}`, { method, headers, body });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
    const settings = (port: number) => ({
      TERCET_HOST: '127.0.0.1',
      TERCET_PORT: String(port),
      TERCET_DATABASE_URL: `sqlite:${join(folder, 'coordinator.db')}`,
      // Calls carry the URL that completes them later.
      TERCET_PUBLIC_URL: publicUrl,
      TERCET_COMPLETION_SECRETS: newSecret(),
      // Shorter than the default, since somebody is watching.
      TERCET_RETRY_FIRST_DELAY_MS: '50',
      TERCET_RETRY_MAX_DELAY_MS: '400',
      TERCET_POLL_FIRST_DELAY_MS: '50',
      TERCET_CIRCUIT_MAX_OPEN_MS: '1000',
    });
    const coordinator = new Child({ name: 'coordinator', file: 'src/main.ts', settings }, folder);
    this.#coordinator = coordinator;
    try {
      await coordinator.start();
    } catch (error) {
      const log = await readFile(join(folder, 'coordinator.log'), 'utf8').catch(() => '');
      throw new Error(`The coordinator does not start:\n${log}`, { cause: error });
    }
    const { url } = coordinator;
    const start = (file: string, ...args: string[]) => this.#start(file, args);
    const serve = (answer: RequestListener) => this.#serve(answer);
    const register = (name: string, where: ParticipantRequest) => registerAt(url, name, where);
    const add = async (participant: Participant) => {
      const baseUrl = await serve(mounted(participant));
      await new Tercet({ urls: url, contracts: [participant] }).register(participant, { baseUrl });
      return baseUrl;
    };
    return { url, folder, start, serve, register, add };
  }

  /** The coordinator needs no time for good-byes: its database goes with it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all([...this.#children].map((child) => once(child, 'exit')));
    await this.#coordinator?.stop();
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true });
  }

  #start(file: string, args: readonly string[]): ChildProcess {
    if (this.#isStopped) throw new Error('the example is over');
    const child = fork(file, args, {
      execArgv: [...process.execArgv, '--import', lifeline],
      stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async #serve(answer: RequestListener): Promise<string> {
    const server = createServer(answer);
    this.#servers.add(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}

function mounted(participant: Participant): RequestListener {
  const handle = nodeHttpParticipant(participant);
  return async (request, response) => {
    if (!(await handle(request, response))) response.writeHead(404).end();
  };
}

async function registerAt(url: string, name: string, where: ParticipantRequest): Promise<void> {
  const response = await fetch(`${url}/v1/participants/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(where),
  });
  if (!response.ok) throw new Error(`${name} was not registered: ${await response.text()}`);
}
