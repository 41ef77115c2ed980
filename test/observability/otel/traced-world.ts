/** The processes of the trace stories, all of which trace to one collector: a coordinator, an initiator and participants. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { tracingTo } from './trace-reader.ts';
import type { Order, Placed } from './traced-shop.ts';

export type TracedWorld = {
  readonly coordinator: CoordinatorProcess;
  /** The shop begins the transaction, and waits for its end. */
  place(order: Order): Promise<Placed>;
  /** One more coordinator, with a database of its own. */
  startCoordinator(file: string, settings?: Record<string, string>): Promise<CoordinatorProcess>;
  /** A participant in Python, registered as `python`, that passes its calls on to a service which traces. */
  startPython(): Promise<void>;
  close(): Promise<void>;
};

export async function tracedWorld(collectorUrl: string): Promise<TracedWorld> {
  const opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'tercet-traces-'));
  opened.defer(() => rm(folder, { recursive: true }));

  async function startCoordinator(file: string, settings = {}): Promise<CoordinatorProcess> {
    const coordinator = new CoordinatorProcess({
      ...tracingTo(collectorUrl, 'tercet'),
      PATH: process.env.PATH ?? '',
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: `sqlite:${join(folder, file)}`,
      TERCET_TRACE_URL_TEMPLATE: 'http://jaeger.test/trace/{traceId}',
      ...settings,
    });
    opened.defer(() => coordinator.remove());
    await coordinator.start();
    return coordinator;
  }

  /** @returns the process, and the first that it says */
  async function start(file: string, service: string): Promise<[ChildProcess, { baseUrl: string }]> {
    const child = fork(join(import.meta.dirname, file), {
      execArgv: ['--conditions=tercet-source'],
      env: { ...process.env, ...tracingTo(collectorUrl, service), COORDINATOR_URL: coordinator.url },
    });
    opened.defer(async () => {
      child.disconnect();
      await once(child, 'exit');
    });
    const [said] = await once(child, 'message');
    return [child, said];
  }

  // A slow machine makes no call unknown: each tree has one attempt of each call.
  const coordinator = await startCoordinator('traces.sqlite', { TERCET_CALL_TIMEOUT_MS: '60000' });
  await start('traced-stock.ts', 'stock');
  const [shop] = await start('traced-shop.ts', 'shop');
  return {
    coordinator,
    startCoordinator,
    async place(order) {
      shop.send(order);
      const [placed] = await once(shop, 'message');
      return placed;
    },
    async startPython() {
      const [, ledger] = await start('traced-ledger.ts', 'ledger');
      const python = spawn('python3', [join(import.meta.dirname, 'passes-on.py'), ledger.baseUrl]);
      opened.defer(() => void python.kill('SIGKILL'));
      const [port] = await once(python.stdout, 'data');
      await register(coordinator, 'python', `http://127.0.0.1:${Number(port)}`);
    },
    close: () => opened.disposeAsync(),
  };
}

export const register = (coordinator: CoordinatorProcess, name: string, baseUrl: string): Promise<object> =>
  ask(coordinator, 'PUT', `/v1/participants/${name}`, { body: { baseUrl } });

export async function ask<Answer>(
  { url }: CoordinatorProcess,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: object; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body ? JSON.stringify(body) : null,
  });
  return (await response.json()) as Answer;
}
