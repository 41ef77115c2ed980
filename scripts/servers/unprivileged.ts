/**
 * PostgreSQL refuses to run as root. Where this Node is root, its programs run as `nobody`, to whom the server's folder is
 * given; else they run as whoever runs this.
 */
import { lchownSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runToEnd } from './run-to-end.ts';

// The same on every Linux.
const nobody = 65_534;

const isRoot = (): boolean => process.getuid?.() === 0;

/** Why nothing can be run as `nobody` here, where it must; else null. */
export async function obstacle(): Promise<string | null> {
  if (!isRoot()) return null;
  return await runToEnd([...asNobody, 'true']).catch((error) => `setpriv does not run: ${error.message}`);
}

export function giveToServer(folder: string): void {
  if (!isRoot()) return;
  const inside = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const path of [folder, ...inside.map((name) => join(folder, name))]) lchownSync(path, nobody, nobody);
}

type Program = { readonly command: readonly string[] };

/** @param folder has been given to the server */
export function unprivileged(command: readonly string[], server: Program, folder: string): string[] {
  if (!isRoot()) return [...command];
  const closed = [server.command.at(-1) ?? '', folder].some((path) => isClosed(dirname(realpathSync(path))));
  return [...asNobody, ...(closed ? passingEverywhere : []), ...command];
}

const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];

/**
 * The one right of root that is kept, and only where `nobody` could not reach the server, as below /root. PostgreSQL asks
 * access(2) whether its programs can be run, which without the last option answers as if this right were gone.
 */
const passingEverywhere = [
  '--inh-caps=+dac_override',
  '--ambient-caps=+dac_override',
  '--securebits=+no_setuid_fixup',
];

/** Not everybody may pass through this folder, or through one on the way to it. */
function isClosed(folder: string): boolean {
  if ((statSync(folder).mode & 0o001) === 0) return true;
  const parent = dirname(folder);
  return parent !== folder && isClosed(parent);
}
