/**
 * The coordinator as it runs in production: `src/main.ts` in a process of its own, which can be killed and started again.
 * It dies with this Node, even when that is killed by -9: see watched-folder.ts.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type WatchedFolder, watchedFolder } from '../../scripts/servers/watched-folder.ts';
import { marksIn } from './marks.ts';
import { withProcessorSlot } from './processor-slots.ts';

/** More than a hundred processes are started in a run: what one that stops in order has compiled serves the others. */
const compiled = join(import.meta.dirname, '../../.cache/compiled');
/** Bounds a hang. */
const READY_WITHIN_MS = 900_000;

/** What a slow machine makes of a database that answers late: said in the log, and recovered from. */
const SLOW = new RegExp(
  [
    ...['waited \\d+ ms for its turn', 'did not answer within \\d+ ms'],
    ...['maximum statement execution time exceeded', 'max_statement_time exceeded'],
    ...['commit outcome unknown for seconds', 'connect ETIMEDOUT'],
    // Of the driver, when the server gave a log-in up that took too long.
    'Warning: got packets out of order',
  ].join('|'),
);

/** A line of a log that tells of an error or worse, and not of a slow database. */
export const isErrorLine = (line: string): boolean =>
  line !== '' && !/"level":(?:[123]\d|40)\b/.test(line) && !SLOW.test(line);

/** How a process ended. */
export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** Where the sources of a release are, and the flags of Node that its commands need. */
export type Checkout = { readonly folder: string; readonly flags: readonly string[] };

const own: Checkout = { folder: join(import.meta.dirname, '../..'), flags: [] };

export class CoordinatorProcess {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #folder: WatchedFolder = watchedFolder('coordinator');
  #running: { readonly process: ChildProcess; readonly exit: Promise<Exit> } | null = null;
  #url = '';

  readonly #command: readonly string[];

  /**
   * @param settings all that it is told; nothing is inherited
   * @param checkout whose coordinator it is; this one's when absent
   */
  constructor(settings: Readonly<Record<string, string>>, checkout: Checkout = own) {
    this.#command = [...checkout.flags, join(checkout.folder, 'src/main.ts')];
    this.#environment = { ...settings, NODE_COMPILE_CACHE: compiled };
  }

  /** Where it listens in this life. */
  get url(): string {
    return this.#url;
  }

  /** Everything that it printed, in all of its lives. */
  get printed(): string {
    return readFileSync(this.#folder.logPath, 'utf8');
  }

  /**
   * Answers when it says that it is ready. One that ends because the database was slow to answer is started again, as
   * an operator in production does.
   */
  start(): Promise<void> {
    const endsAt = Date.now() + READY_WITHIN_MS;
    return withProcessorSlot(async () => {
      for (;;) {
        const failure = await this.#start(endsAt);
        if (failure === null) return;
        if (!SLOW.test(failure) || Date.now() > endsAt)
          throw new Error(`the coordinator did not start: ${failure}`);
      }
    });
  }

  /** SIGKILL: it can neither finish nor say anything. Answers when it is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Exit> {
    if (this.#running === null) throw new Error('the coordinator does not run');
    const { process: child, exit } = this.#running;
    child.ref();
    child.kill(signal);
    const how = await exit;
    this.#running = null;
    return how;
  }

  /** For good. @throws when it printed a mark: a payload, a key or a secret that a test planted */
  async remove(): Promise<void> {
    if (this.#running !== null) await this.kill();
    const leaked = marksIn(this.printed);
    await this.#folder.remove();
    if (leaked.length > 0) throw new Error(`the coordinator printed what must never be logged: ${leaked}`);
  }

  /** @returns what it printed where it did not start, else null */
  async #start(endsAt: number): Promise<string | null> {
    const from = statSync(this.#folder.logPath, { throwIfNoEntry: false })?.size ?? 0;
    const variables = Object.entries(this.#environment).map(([name, value]) => `${name}=${value}`);
    const child = this.#folder.spawn(['env', '-i', ...variables, process.execPath, ...this.#command]);
    // An exit that is waited for keeps this Node alive; the process itself does not.
    const exit = once(child, 'exit').then(([code, signal]): Exit => ({ code, signal }));
    this.#running = { process: child, exit };
    for (;;) {
      const printed = readFileSync(this.#folder.logPath).subarray(from).toString();
      const port = /"port":(\d+)/.exec(printed)?.[1];
      if (port !== undefined) {
        this.#url = `http://127.0.0.1:${port}`;
        return null;
      }
      if (child.exitCode !== null || Date.now() > endsAt) return printed;
      await pause(50);
    }
  }
}
