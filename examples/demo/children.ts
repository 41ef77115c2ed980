/**
 * The demo's children: each is a Node program of its own, which can be killed and started again like on a bad day.
 *
 * A child is ready when it printed a line of JSON with the port on which it listens. Everything it says goes to a log file
 * beside its database. No child outlives the demo: see lifeline.ts.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const lifeline = new URL('lifeline.ts', import.meta.url).href;
const READY_WITHIN_MS = 60_000;

export type Program = {
  readonly name: string;
  /** Its path in the repository. */
  readonly file: string;
  /** What it is told by the environment when it is to listen on this port. */
  readonly settings: (port: number) => Record<string, string>;
};

export class Child {
  readonly name: string;
  readonly #program: Program;
  readonly #folder: string;
  #running: ChildProcess | null = null;
  #port = 0;
  #isStopped = false;

  constructor(program: Program, folder: string) {
    this.name = program.name;
    this.#program = program;
    this.#folder = folder;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The first time on a free port, and on the same one ever after. */
  async start(): Promise<void> {
    if (this.#isStopped) throw new Error(`${this.name} is stopped for good`);
    const { file, settings } = this.#program;
    const running = spawn(
      process.execPath,
      ['--conditions=tercet-source', '--import', lifeline, join(repository, file)],
      {
        cwd: this.#folder,
        env: { ...ownEnvironment(), ...settings(this.#port) },
        stdio: ['pipe', 'pipe', 'pipe'],
        // A group of its own: Ctrl-C reaches the demo alone, which then ends everything in its own order.
        detached: true,
      },
    );
    this.#running = running;
    // A child that dies while it is written to is noticed by its end, not by this.
    running.stdin.on('error', () => {});
    running.stderr.on('data', (chunk: Buffer) => this.#log(String(chunk)));
    this.#port = await this.#portOf(running);
  }

  /** SIGKILL: it can neither finish nor say anything. Answers when it is gone. */
  async kill(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }

  /** For good: a story that is still under way cannot start it again. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.kill();
  }

  #portOf(running: ChildProcessByStdio<Writable, Readable, Readable>): Promise<number> {
    return new Promise((resolve, reject) => {
      const tooLate = setTimeout(() => reject(this.#notReady('in time')), READY_WITHIN_MS);
      running.once('exit', (code, signal) => {
        clearTimeout(tooLate);
        reject(this.#notReady(`and ended with ${signal ?? code}`));
      });
      createInterface({ input: running.stdout }).on('line', (line) => {
        this.#log(`${line}\n`);
        const port = portIn(line);
        if (port === null) return;
        clearTimeout(tooLate);
        resolve(port);
      });
    });
  }

  #notReady(how: string): Error {
    return new Error(`${this.name} did not get ready ${how}; its log is ${this.#logFile}`);
  }

  get #logFile(): string {
    return join(this.#folder, `${this.name}.log`);
  }

  #log(text: string): void {
    appendFileSync(this.#logFile, text);
  }
}

/** A coordinator or a shop that is set up in this shell must not be touched by the demo. */
function ownEnvironment(): Record<string, string | undefined> {
  const isForeign = (name: string) => name.startsWith('TERCET_') || name.startsWith('SHOP_');
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isForeign(name)));
}

function portIn(line: string): number | null {
  try {
    const { port } = JSON.parse(line) as { port?: unknown };
    return typeof port === 'number' ? port : null;
  } catch {
    return null;
  }
}
