/**
 * A process of the benchmark: a Node program that dies with it, and can be asked one thing at a time over a channel.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const repository = join(import.meta.dirname, '..');

export type Child = {
  readonly name: string;
  readonly pid: number;
  /** What it says next, when it says it by itself. */
  receive<Message>(): Promise<Message>;
  /** Its answer to a question. */
  ask<Answer>(question: object): Promise<Answer>;
  /** Lets it end in order, and waits for that; afterwards it is gone. */
  stop(): Promise<void>;
};

export type Program = {
  readonly name: string;
  /** What Node gets: flags, and the file last. */
  readonly command: readonly string[];
  /** The checkout that it belongs to, and its working directory. */
  readonly folder?: string;
  readonly node?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** More flags, in front of the command's own. */
  readonly flags?: readonly string[];
};

/** A program of the benchmark itself. */
export const benchProgram = (name: string, file: string): Program => ({
  name,
  command: ['--conditions=tercet-source', file],
});

const ORDERLY_MS = 12_000;

export function startChild({ name, command, environment = {}, flags = [], ...place }: Program): Child {
  const { folder = repository, node = process.execPath } = place;
  const lifeline = new URL('lifeline.ts', import.meta.url).href;
  const running = spawn(node, ['--import', lifeline, ...flags, ...command], {
    cwd: folder,
    env: { ...foreignEnvironment(), ...environment },
    // Standard output is the benchmark's own.
    stdio: ['ignore', 2, 2, 'ipc'],
    // Away from the terminal's group: Ctrl-C goes to the benchmark, which stops its children in order.
    detached: true,
  });
  const ended = new Promise<string>((resolve) => {
    running.once('error', (error) => resolve(error.message));
    running.once('exit', (code, signal) => resolve(String(signal ?? code)));
  });
  const receive = async <Message>(): Promise<Message> => {
    const abort = new AbortController();
    const message = once(running, 'message', { signal: abort.signal });
    const end = ended.then((how) => Promise.reject(new Error(`${name} ended with ${how}`)));
    try {
      return (await Promise.race([message, end]))[0];
    } finally {
      abort.abort();
      message.catch(() => {});
      end.catch(() => {});
    }
  };
  return {
    name,
    pid: running.pid ?? 0,
    receive,
    ask(question) {
      const answer = receive<never>();
      running.send(question, () => {});
      return answer;
    },
    async stop() {
      running.kill('SIGTERM');
      const patience = setTimeout(() => running.kill('SIGKILL'), ORDERLY_MS);
      await ended;
      clearTimeout(patience);
    },
  };
}

/** Settings of a coordinator in this shell, and of its tracing, are not meant for the benchmark's. */
export const foreignEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:TERCET|OTEL)_/.test(name)));
