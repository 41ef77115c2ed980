/**
 * Runs the code blocks of a page in an empty folder, as a reader would, with the SDK as it is packed.
 *
 * Nothing of this repository is available but the Node that runs the tests: no settings of the runner, no `node_modules`, no export
 * condition. What a page names as an address is replaced by one of this run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Block, changed, pattern } from './page-blocks.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs commands until its standard input is closed, which also happens when this process is killed. It has its own process
 * group.
 */
const KEEP = 'sh -e -c "$1" & cat > /dev/null; kill -9 0';

export class PageRunner {
  readonly folder: string;
  readonly #home: string;
  /** What stands on a page → what it is in this run. */
  readonly #replaced: readonly (readonly [from: string, to: string])[];
  readonly #exports: string[] = [];
  #printed = '';
  #kept: ChildProcess | null = null;
  /** Commands of which the end is awaited. */
  #running: ChildProcess | null = null;

  /** @param given.home an empty folder that somebody removes in the end */
  constructor(given: { home: string; replaced: Readonly<Record<string, string>> }) {
    this.#home = given.home;
    this.folder = join(given.home, 'service');
    mkdirSync(this.folder);
    mkdirSync(join(given.home, 'bin'));
    symlinkSync(process.execPath, join(given.home, 'bin', 'node'));
    this.#replaced = Object.entries(given.replaced);
  }

  /** Does what the block says. @throws Error with the block, when it does not come to what the page promises */
  async do(block: Block): Promise<void> {
    const text = this.#inThisRun(block.text);
    switch (block.kind) {
      case 'file':
        return writeFileSync(join(this.folder, block.name), text);
      case 'change': {
        const file = join(this.folder, block.name);
        return writeFileSync(file, changed(readFileSync(file, 'utf8'), text));
      }
      case 'run':
        this.#printed = await this.#run(text);
        this.#exports.push(...text.split('\n').filter((line) => line.startsWith('export ')));
        return;
      case 'keep':
        return this.#keep(text);
      case 'output':
        if (!pattern(text).test(this.#printed))
          throw new Error(`the page promises:\n${text}\nwhat is printed:\n${this.#printed}`);
    }
  }

  /** What a module prints whose text this is, and which has `require` too. @throws Error when it fails */
  async evaluate(module: string): Promise<string> {
    const name = 'evaluated.mjs';
    const require = "const require = (await import('node:module')).createRequire(import.meta.url);";
    writeFileSync(join(this.folder, name), `${require}\n${module}`);
    return this.#run(`node ${name}`);
  }

  /** Ends what goes on running, and what hangs. */
  async stop(): Promise<void> {
    if (this.#running?.pid !== undefined) process.kill(-this.#running.pid, 'SIGKILL');
    await this.#stopKept();
  }

  async #stopKept(): Promise<void> {
    const kept = this.#kept;
    this.#kept = null;
    if (kept === null) return;
    const ended = once(kept, 'close');
    kept.stdin?.end();
    await ended;
  }

  #inThisRun(text: string): string {
    return this.#replaced.reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text);
  }

  async #run(commands: string): Promise<string> {
    const script = [...this.#exports, commands].join('\n');
    const child = spawn('sh', ['-e', '-c', script], {
      cwd: this.folder,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#running = child;
    const printed = { all: '', out: '' };
    child.stdout.on('data', (chunk) => {
      printed.out += String(chunk);
      printed.all += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      printed.all += String(chunk);
    });
    const [code] = await once(child, 'close');
    this.#running = null;
    if (code !== 0) throw new Error(`${commands}\nended with ${code}:\n${printed.all}`);
    return printed.out;
  }

  /** Ready when it prints something. */
  async #keep(commands: string): Promise<void> {
    await this.#stopKept();
    const script = [...this.#exports, commands].join('\n');
    const child = spawn('sh', ['-c', KEEP, 'sh', script], {
      cwd: this.folder,
      env: this.#environment(),
      detached: true,
    });
    this.#kept = child;
    child.stdin.on('error', () => {});
    const said = once(child.stderr, 'data').then(([words]) => {
      throw new Error(`${commands}\nsays:\n${words}`);
    });
    await Promise.race([once(child.stdout, 'data'), said]);
    child.stdout.resume();
  }

  #environment(): NodeJS.ProcessEnv {
    const isOurs = (name: string) =>
      /^(?:NODE_OPTIONS$|NODE_PATH$|NODE_ENV$|TERCET_|JEST_|npm_package_|npm_lifecycle_|npm_config_local_prefix|npm_command|INIT_CWD)/.test(
        name,
      );
    const own = Object.entries(process.env).filter(([name]) => !isOurs(name));
    const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.startsWith(repository));
    return {
      ...Object.fromEntries(own),
      NODE_OPTIONS: '',
      PATH: [join(this.#home, 'bin'), ...path].join(delimiter),
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      // What this machine has had before need not be asked for again.
      npm_config_prefer_offline: 'true',
    };
  }
}
