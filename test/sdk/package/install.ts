/** The SDK as a user has it: packed, and installed by npm into an empty folder, with one Node or another. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cloneInto } from '../../support/clone.ts';

const run = promisify(execFile);

export type Packed = {
  readonly file: string;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly paths: readonly string[];
};

/** @param folder in which it is packed, and left */
export async function packSdk(folder: string): Promise<Packed> {
  const clone = join(folder, 'clone');
  cloneInto(clone);
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: join(clone, 'sdk'),
    env: plainEnvironment(process.execPath),
  });
  const [{ filename, size, unpackedSize, files }] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  const paths = files.map(({ path }: { path: string }) => path);
  return { file: join(folder, filename), packedBytes: size, unpackedBytes: unpackedSize, paths };
}

export type Installed = {
  readonly folder: string;
  /** The packages beside the SDK. */
  readonly dependencies: readonly string[];
  /** Runs a file of it; answers what it printed. */
  run(...args: string[]): Promise<string>;
};

/** @param samples copied into the folder, beside node_modules */
export async function installIn(
  folder: string,
  packed: Packed,
  node: string,
  samples: string,
): Promise<Installed> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const env = plainEnvironment(node);
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', packed.file], {
    cwd: folder,
    env,
  });
  cpSync(samples, folder, { recursive: true });
  return {
    folder,
    dependencies: packagesIn(join(folder, 'node_modules')).filter((name) => name !== '@tercet/sdk'),
    run: async (...args) => (await run(node, args, { cwd: folder, env })).stdout,
  };
}

const packagesIn = (modules: string): string[] =>
  readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((one) => `${name}/${one}`) : name,
    );

/** Nothing of this repository's leaks in, least of all that its sources are asked for; npm itself runs on that Node. */
export const plainEnvironment = (node: string): NodeJS.ProcessEnv => {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH: `${dirname(node)}${delimiter}${PATH}`, HOME };
};

const OLDEST = [20, 19];

/** The first Node on PATH that is not the project's own and new enough; null where there is none. */
export async function hostNode(): Promise<string | null> {
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'));
  for (const path of folders.map((folder) => join(folder, 'node'))) {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    const { stdout } = await run(path, ['--version']);
    const [major = 0, minor = 0] = stdout.slice(1).split('.').map(Number);
    if (major > (OLDEST[0] ?? 0) || (major === OLDEST[0] && minor >= (OLDEST[1] ?? 0))) return path;
  }
  return null;
}
