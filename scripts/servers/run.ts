/**
 * Starts a server that obtain.ts found: in a folder of its own, on a free port of the loopback interface, with full
 * durability. Server and folder go with `stop()` or with this Node, whichever ends first, even by kill -9.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { launchCommand, type Startable } from './launch.ts';
import type { Obtained } from './obtain.ts';
import { askRunning } from './ready.ts';
import { type ServerName, servers } from './servers.ts';
import { copyTemplate } from './template.ts';
import { type WatchedFolder, watchedFolder } from './watched-folder.ts';

export type RunningServer = {
  readonly name: ServerName;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly version: string;
  /** Null while it is down, and for a server that somebody else runs. */
  readonly pid: number | null;
  /** Ends it at once and removes its folder. */
  stop(): Promise<void>;
  /** A crash (SIGKILL, or what stands for it in servers.ts). Folder and port stay for `restart`. */
  kill(): Promise<void>;
  /** Up again on the same port and folder; an orderly shutdown comes first if it still runs. */
  restart(): Promise<void>;
};

const PORT_ATTEMPTS = 3;
/** Bounds a hang: a loaded machine takes its time. */
const READY_WITHIN_MS = 240_000;

export type StartOptions = {
  /** More flags for the server's command line; the last of two equal ones counts. */
  readonly flags?: readonly string[];
  /** Of its system clock, as TZ has it. */
  readonly timeZone?: string;
  readonly readyTimeoutMs?: number;
};

export async function startServer(obtained: Obtained, options: StartOptions = {}): Promise<RunningServer> {
  if (obtained.from === 'nowhere') throw new Error(`no ${obtained.name} here: ${obtained.reason}`);
  if (obtained.from === 'environment') return await reachServer(obtained.name, obtained.url);
  const folder = watchedFolder(obtained.name, servers[obtained.name].crashSignal);
  try {
    if (hasTemplate(obtained.name)) await copyTemplate(obtained, folder.path);
    return await startIn(folder, obtained, options);
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

/** The others start in an empty folder. */
const hasTemplate = (name: ServerName): boolean => name !== 'redis' && name !== 'prometheus';

/** A server that somebody else runs can be used, but not stopped. */
async function reachServer(name: ServerName, url: string): Promise<RunningServer> {
  const { hostname: host, port } = new URL(url);
  const refuse = () =>
    Promise.reject(new Error(`this ${name} was named by the environment: it is not ours to end`));
  const version = await askRunning(name, url);
  return {
    name,
    url,
    host,
    version,
    pid: null,
    port: Number(port || servers[name].defaultPort),
    stop: () => Promise.resolve(),
    kill: refuse,
    restart: refuse,
  };
}

/** Between the choice of a free port and its use another process may take it: then another port is chosen. */
async function startIn(
  folder: WatchedFolder,
  server: Startable,
  options: StartOptions,
): Promise<RunningServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnFreePort(folder, server, options);
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !/address already in use/i.test(`${error}`)) throw error;
    }
  }
}

async function startOnFreePort(
  folder: WatchedFolder,
  server: Startable,
  { flags = [], timeZone, readyTimeoutMs = READY_WITHIN_MS }: StartOptions,
): Promise<RunningServer> {
  const host = '127.0.0.1';
  const port = await freePort(host);
  const { urlStart, crashSignal, shutdownSignal } = servers[server.name];
  const url = `${urlStart}${host}:${port}`;
  const launch = launchCommand(server, { folder: folder.path, port, flags });
  const command = timeZone === undefined ? launch : ['/usr/bin/env', `TZ=${timeZone}`, ...launch];
  let child: ChildProcess | null = null;

  const up = async (): Promise<string> => {
    child = folder.spawn(command);
    return await whenReady(child, folder, server.name, url, readyTimeoutMs);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child !== null) await ended(child, signal);
    child = null;
  };

  const version = await up().catch(async (error) => {
    await end(crashSignal);
    throw error;
  });
  return {
    name: server.name,
    url,
    host,
    port,
    version,
    get pid() {
      return child?.pid ?? null;
    },
    async stop() {
      await end(crashSignal);
      await folder.remove();
    },
    kill: () => end(crashSignal),
    async restart() {
      await end(shutdownSignal);
      await up();
    },
  };
}

async function whenReady(
  child: ChildProcess,
  folder: WatchedFolder,
  name: ServerName,
  url: string,
  timeoutMs: number,
): Promise<string> {
  const deadlineAt = Date.now() + timeoutMs;
  while (hasEnded(child) === false && Date.now() < deadlineAt) {
    try {
      return await askRunning(name, url);
    } catch {
      await sleep(20);
    }
  }
  const why = hasEnded(child) ? 'ended while starting' : `is not ready after ${timeoutMs} ms`;
  throw new Error(`${name} ${why}; it printed last:\n${lastLines(folder.logPath)}`);
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return Promise.resolve();
  return new Promise((resolve) => {
    // Elsewhere it keeps nobody from leaving, but here its end is waited for.
    child.ref();
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

const lastLines = (path: string): string =>
  readFileSync(path, 'utf8').trim().split('\n').slice(-15).join('\n');
