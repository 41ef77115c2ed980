/**
 * The checkout that a rolling upgrade starts from: the commit that `previous` names, from this repository's history. It is the
 * last one before a change with a migration or a journal version.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { linkModules } from '../support/clone.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');

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
  const lockOf = (of: string) => readFile(join(of, 'package-lock.json'), 'utf8');
  if ((await lockOf(folder)) === (await lockOf(repository))) linkModules(folder);
  else await run(process.execPath, ['scripts/setup.mjs'], { cwd: folder });
}
