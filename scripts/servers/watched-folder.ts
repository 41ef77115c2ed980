/**
 * A temporary folder with at most one server in it, both of which go when this Node goes, even by kill -9.
 * watch.sh does that part; here is the end that holds the pipe.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type WatchedFolder = {
  readonly path: string;
  readonly logPath: string;
  /** Starts the server of this folder, in it unless another working directory is named; what it prints goes to the log. */
  spawn(command: readonly string[], place?: { readonly cwd: string }): ChildProcess;
  remove(): Promise<void>;
};

// The address of a Unix socket has 107 bytes, and a temporary folder can be deep.
const longestBase = 70;

/** @param crashSignal ends the server at once */
export function watchedFolder(name: string, crashSignal: 'SIGKILL' | 'SIGQUIT' = 'SIGKILL'): WatchedFolder {
  const base = tmpdir().length > longestBase ? '/tmp' : tmpdir();
  const path = mkdtempSync(join(base, `tercet-${name}-`));
  const logPath = join(path, 'log');
  const script = join(import.meta.dirname, 'watch.sh');
  const watcher = spawn('/bin/sh', [script, path, crashSignal.replace('SIG', '')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  // A script that forgets to stop its servers ends all the same, and takes them with it.
  watcher.unref();
  (watcher.stdin as unknown as { unref(): void }).unref();
  watcher.stdin?.on('error', () => {});

  return {
    path,
    logPath,
    spawn(command, { cwd } = { cwd: path }) {
      const server = spawnNamed(path, logPath, command, cwd);
      // A watcher that has ended takes no more lines.
      const tell = (pid: number | '') => watcher.stdin?.writable && watcher.stdin.write(`${pid}\n`);
      tell(server.pid ?? '');
      server.once('exit', () => tell(''));
      return server;
    },
    async remove() {
      await ended(watcher);
      // Already gone, unless the watcher itself was killed.
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function ended(watcher: ChildProcess): Promise<void> {
  if (watcher.exitCode !== null || watcher.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    watcher.ref();
    watcher.once('exit', () => resolve());
    watcher.stdin?.end();
  });
}

/**
 * The shell writes its pid for the watcher and becomes the server. Once the folder is renamed or gone it can do neither; where it
 * is renamed while the pid is being written, the shell finds no file afterwards, and ends.
 */
function spawnNamed(path: string, logPath: string, command: readonly string[], cwd: string): ChildProcess {
  const log = openSync(logPath, 'a');
  const child = spawn(
    '/bin/sh',
    ['-c', `echo $$ > "$0/pid" && [ -s "$0/pid" ] && exec "$@"`, path, ...command],
    {
      stdio: ['ignore', log, log],
      // Away from the terminal's group: Ctrl-C goes to the owner, who stops its servers in order.
      detached: true,
      cwd,
    },
  );
  closeSync(log);
  child.unref();
  // Its pid may become somebody else's, so it is forgotten.
  child.once('exit', () => rmSync(join(path, 'pid'), { force: true }));
  return child;
}
