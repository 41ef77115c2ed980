/**
 * Clones of parts of this repository.
 *
 * `cloneInto`: as much as packing the SDK needs. Packing builds inside of the folder that is packed, and removes
 * what it built: in the repository itself two at once would hurt each other.
 */
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const BUILT = ['sdk/dist', 'sdk/node_modules', 'sdk/LICENSE'];

/** @param folder made, and filled */
export function cloneInto(folder: string): void {
  for (const name of ['sdk', 'src', 'package.json', 'tsconfig.json', 'LICENSE'])
    cpSync(join(repository, name), join(folder, name), {
      recursive: true,
      filter: (path) => !BUILT.includes(relative(repository, path)),
    });
  linkModules(folder);
}

/**
 * A project with this repository's Jest settings and no tests, for tests of what surrounds a run of tests.
 * @param folder exists, and is filled
 */
export function jestProjectIn(folder: string): void {
  for (const path of ['package.json', 'jest.config.mjs', 'scripts', 'test/support'])
    cpSync(join(repository, path), join(folder, path), {
      recursive: true,
      filter: (name) => !name.endsWith('.test.ts'),
    });
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
}

/** All of the repository's, but the SDK of the clone. */
export function linkModules(folder: string): void {
  const [from, to] = [join(repository, 'node_modules'), join(folder, 'node_modules')];
  mkdirSync(join(to, '@tercet'), { recursive: true });
  symlinkSync(join(folder, 'sdk'), join(to, '@tercet', 'sdk'));
  for (const name of readdirSync(from)) if (name !== '@tercet') symlinkSync(join(from, name), join(to, name));
}
