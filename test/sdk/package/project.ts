/** A project that has what services of users have: frameworks, drivers, runners and compilers, and the packed SDK. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { blocksOf } from '../../docs/page-blocks.ts';
import { type Packed, plainEnvironment } from './install.ts';

const run = promisify(execFile);
const locked = new URL('./matrix/', import.meta.url).pathname;

export class Project {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** All but the SDK by the lock file, which has the SDK's dependencies too; the SDK as npm would unpack it. */
  async install({ file }: Packed): Promise<void> {
    cpSync(locked, this.folder, { recursive: true });
    const ci = ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
    await run('npm', ci, { cwd: this.folder, env: plainEnvironment(process.execPath) });
    const sdk = join(this.folder, 'node_modules/@tercet/sdk');
    mkdirSync(sdk, { recursive: true });
    await run('tar', ['-xzf', file, '--strip-components=1', '-C', sdk]);
  }

  /** @param files by name */
  write(folder: string, files: Readonly<Record<string, string | object>>): void {
    mkdirSync(join(this.folder, folder), { recursive: true });
    for (const [name, text] of Object.entries(files))
      writeFileSync(
        join(this.folder, folder, name),
        typeof text === 'string' ? text : JSON.stringify(text, null, 2),
      );
  }

  /** Runs a file of the project's packages, in a folder of the project. @throws Error with all that it printed, when it fails */
  async run(folder: string, args: readonly string[], node = process.execPath): Promise<string> {
    const options = { cwd: join(this.folder, folder), env: { ...plainEnvironment(node), NO_COLOR: '1' } };
    const { stdout, stderr } = await run(node, args, options).catch((error) => {
      throw new Error(`${args.join(' ')} failed:\n${error.stdout}\n${error.stderr}`);
    });
    return stdout + stderr;
  }

  /** The errors of a compiler, but for those inside of other packages' own declarations. */
  async compile(folder: string, compiler: string): Promise<readonly string[]> {
    const args = [compiler, '--noEmit', '--project', folder];
    const { stdout } = await run(process.execPath, args, { cwd: this.folder }).catch((error) => error);
    return stdout
      .split('\n')
      .filter((line: string) => /\berror TS\d+:/.test(line) && !/^node_modules\/(?!@tercet\/)/.test(line));
  }
}

/** The files that a page shows, by their names. */
export const filesOf = (page: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    blocksOf(page).flatMap((block) => (block.kind === 'file' ? [[block.name, block.text]] : [])),
  );
