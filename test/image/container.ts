/**
 * Runs a program of an image as a container engine does, without one: in namespaces of its own for mounts and processes, with the
 * tree of the image as root, which cannot be written to but for /tmp, as the user of the image and as process 1. The network is
 * this machine's.
 *
 * It dies with this Node, even when that is killed by -9: the namespace of processes in which another one lies ends with it.
 */
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe } from '@jest/globals';
import { type WatchedFolder, watchedFolder } from '../../scripts/servers/watched-folder.ts';
import { running } from '../examples/running.ts';
import { until } from '../support/until.ts';
import type { Image } from './tree.ts';

const isRoot = process.getuid?.() === 0;

/** Whoever is not root becomes it in a namespace of users. */
const OUTER = [
  'unshare',
  ...(isRoot ? [] : ['--user', '--map-root-user']),
  '--pid',
  '--fork',
  '--kill-child',
];
const INNER = ['unshare', '--mount', '--pid', '--fork'];

/** Why nothing can be run so here; else null. */
export const obstacle: string | null = obstacleOf();

function obstacleOf(): string | null {
  const [file = '', ...args] = [...OUTER, ...INNER, 'true'];
  const { status, error, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  return status === 0 ? null : `namespaces are not permitted here: ${error?.message ?? stderr.trim()}`;
}

/** Skipped where namespaces are not permitted; but under CI that is a failure. */
export function describeInContainer(title: string, scenes: () => void): void {
  if (obstacle === null) describe(title, scenes);
  else if (process.env.CI) throw new Error(`CI is set, and ${obstacle}`);
  else describe.skip(`${title} skipped: ${obstacle}`, scenes);
}

const MOUNTS = `
  tree=$1; shift
  mount --bind "$tree" "$tree"
  mount -o remount,bind,ro,nosuid,nodev "$tree"
  mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev tmpfs "$tree/tmp"
  mount -t proc proc "$tree/proc"
  for device in null zero random urandom; do mount --bind "/dev/$device" "$tree/dev/$device"; done
  cd "$tree"
  exec "$@"`;

export type Settings = Readonly<Record<string, string>>;

export class Container {
  readonly #folder: WatchedFolder = watchedFolder('container');
  readonly #process: ChildProcess;
  readonly #exit: Promise<number | null>;

  /** @param command replaces the one of the image, and is given to its entrypoint, as `docker run IMAGE COMMAND` does it */
  constructor(
    image: Image,
    settings: Settings = {},
    command: readonly string[] | null = image.config.command,
  ) {
    const { entrypoint } = image.config;
    this.#process = this.#folder.spawn(started(image, [...(entrypoint ?? []), ...(command ?? [])], settings));
    this.#exit = once(this.#process, 'exit').then(([code]) => code as number | null);
  }

  /** All that it printed so far. */
  get printed(): string {
    return readFileSync(this.#folder.logPath, 'utf8');
  }

  /** @throws Error with what it printed, when it ends before it prints this */
  async prints(pattern: RegExp): Promise<void> {
    await until(`the container prints ${pattern}`, () => pattern.test(this.printed) || this.#hasEnded);
    if (!pattern.test(this.printed)) throw new Error(`it ended without ${pattern}:\n${this.printed}`);
  }

  /** @returns the exit code */
  async ended(): Promise<number | null> {
    this.#process.ref();
    return await this.#exit;
  }

  /** To process 1 of the container, as `docker stop` sends it. @returns the exit code */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    process.kill(this.#firstPid, signal);
    return await this.ended();
  }

  async remove(): Promise<void> {
    if (!this.#hasEnded) this.#process.kill('SIGKILL');
    await this.ended();
    await this.#folder.remove();
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** As this machine numbers it: the child of the child of what was started. */
  get #firstPid(): number {
    const childOf = (parent: number) => [...running()].find(([, other]) => other === parent)?.[0];
    const pid = childOf(childOf(this.#process.pid ?? 0) ?? 0);
    if (pid === undefined) throw new Error('the container has no process');
    return pid;
  }
}

/** Runs a command to its end. @returns the exit code and what it printed */
export async function runIn(
  image: Image,
  settings: Settings,
  command: readonly string[] | null = image.config.command,
): Promise<{ readonly code: number | null; readonly printed: string }> {
  const container = new Container(image, settings, command);
  try {
    return { code: await container.ended(), printed: container.printed };
  } finally {
    await container.remove();
  }
}

/** The command line; nothing of this process' environment reaches the program. */
function started({ root, config }: Image, command: readonly string[], settings: Settings): readonly string[] {
  const [, user = '', group = user] = /^(\d+)(?::(\d+))?$/.exec(config.user ?? '0') ?? [];
  const environment = { PATH: DEFAULT_PATH, HOME: '/', ...config.environment, ...settings };
  const asUser = isRoot
    ? [`--setuid=${user}`, `--setgid=${group}`]
    : ['--user', `--map-user=${user}`, `--map-group=${group}`];
  return [
    ...OUTER,
    ...INNER,
    ...['sh', '-e', '-c', MOUNTS, 'sh', root],
    ...['env', '-i', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)],
    ...[pathOf('setpriv'), '--no-new-privs', pathOf('unshare'), ...asUser],
    ...[`--root=${root}`, `--wd=${config.workdir ?? '/'}`, ...command],
  ];
}

/** What Docker gives to an image that sets none. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const pathOf = (program: string): string =>
  execFileSync('/bin/sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
