/** A checkout of this repository whose coordinator is measured: this one, or the other one of a comparison. */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { nodeCommandOf } from '../scripts/npm-script.ts';
import { runToEnd } from '../scripts/servers/run-to-end.ts';
import { foreignEnvironment, repository } from './child.ts';

export type Checkout = {
  readonly folder: string;
  /** The Node that npm would start its programs with. */
  readonly node: string;
  /** What that Node gets: the checkout's own flags, then the file. */
  readonly start: readonly string[];
  readonly migrate: readonly string[];
};

/** Its scripts say how it is started: flags come and go. */
function read(folder: string): Checkout {
  const own = join(folder, 'node_modules', '.bin', 'node');
  return {
    folder,
    node: existsSync(own) ? own : process.execPath,
    start: nodeCommandOf(folder, 'start'),
    migrate: nodeCommandOf(folder, 'migrate'),
  };
}

export const thisCheckout = (): Checkout => read(repository);

/** @throws when the folder holds no checkout, or one that cannot run yet */
export function otherCheckout(path: string): Checkout {
  const folder = resolve(path);
  let checkout: Checkout;
  try {
    checkout = read(folder);
  } catch (error) {
    throw new Error(
      `${folder} is no checkout of this repository: ${(error as Error).message}. ` +
        'Make one with `git worktree add FOLDER COMMIT`, and run `node scripts/setup.mjs` there',
    );
  }
  const modules = lstatSync(join(folder, 'node_modules'), { throwIfNoEntry: false });
  // Node would load the SDK, which lies there as a link, from the checkout that the folder belongs to.
  if (modules?.isSymbolicLink())
    throw new Error(`${folder}/node_modules is a link: remove it, and run \`node scripts/setup.mjs\` there`);
  const { status } = spawnSync(checkout.node, ['scripts/guard.mjs'], { cwd: folder });
  if (modules === undefined || status !== 0)
    throw new Error(`the dependencies of ${folder} are not installed: run \`node scripts/setup.mjs\` there`);
  return checkout;
}

/** Gives a database the schema of the checkout. */
export async function migrateBy({ folder, node, migrate }: Checkout, databaseUrl: string): Promise<void> {
  const env = { ...foreignEnvironment(), TERCET_DATABASE_URL: databaseUrl };
  const complaint = await runToEnd([node, ...migrate], { cwd: folder, env });
  if (complaint !== null) throw new Error(`the migrations of ${folder} failed: ${complaint}`);
}

export type Origin = { readonly folder: string; readonly revision: string | null; readonly node: string };

/** What a reader of the figures needs to have the same checkout again. */
export function originOf({ folder, node }: Checkout): Origin {
  const linesOf = (file: string, ...args: string[]): string =>
    (spawnSync(file, args, { cwd: folder, encoding: 'utf8' }).stdout ?? '').trim();
  // A copy without a repository of its own may lie in another one, whose revision is not its.
  const revision = existsSync(join(folder, '.git')) ? linesOf('git', 'describe', '--always', '--dirty') : '';
  return { folder, revision: revision || null, node: linesOf(node, '--version') };
}
