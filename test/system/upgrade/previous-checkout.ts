/**
 * The checkout that a rolling upgrade starts from: the commit that `previous` names, from this repository's history. It is the
 * last one before a change with a migration or a journal version.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { linkModules } from '../../support/clone.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../../..');

/** @throws Error where the history does not have the commit, as in a shallow clone */
export async function previousCheckout(): Promise<{ readonly folder: string; readonly commit: string }> {
  const commit = (await readFile(join(import.meta.dirname, 'previous'), 'utf8')).trim();
  const folder = join(repository, '.cache/previous', commit);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const archive = `${folder}.tar`;
  await run('git', ['archive', '--format=tar', '--output', archive, commit], { cwd: repository });
  await run('tar', ['-xf', archive, '-C', folder]);
  await rm(archive);
  await installInto(folder);
  return { folder, commit };
}

/** The same dependencies are shared; others are installed, which takes half a minute. */
async function installInto(folder: string): Promise<void> {
  const [theirs, ours] = await Promise.all([folder, repository].map(lockedPackages));
  if (isDeepStrictEqual(theirs, ours)) linkModules(folder);
  else await run(process.execPath, ['scripts/setup.mjs'], { cwd: folder });
}

/** What is installed: all but the entry of the checkout itself, which says which of its packages ask for what. */
async function lockedPackages(folder: string): Promise<unknown> {
  const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'));
  return { ...packages, '': undefined };
}
