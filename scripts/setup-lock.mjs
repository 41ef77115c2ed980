// A lock between commands, as a file that names the processes holding it.
//
// 1. The file appears whole: it is written under another name and linked into place, which fails when one is there.
// 2. A lock is free once none of its processes is alive, so a killed command blocks nobody.
// Two commands that find the same dead lock may race; the loser notices that it moved a live lock and puts it back.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Takes no time and waits for nothing: the caller decides how long to try. */
export function lockAt(path) {
  const draft = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });

  return {
    path,
    tryTake() {
      removeIfDead(path, `${draft}.dead`);
      writeFileSync(draft, String(process.pid));
      try {
        linkSync(draft, path);
        return true;
      } catch (error) {
        if (error.code === 'EEXIST') return false;
        throw error;
      } finally {
        rmSync(draft);
      }
    },
    alsoHeldBy(pid) {
      writeFileSync(draft, `${process.pid} ${pid}`);
      renameSync(draft, path);
    },
    release() {
      rmSync(path, { force: true });
    },
  };
}

function removeIfDead(path, aside) {
  if (isHeld(contentOf(path))) return;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (isHeld(contentOf(aside))) putBack(aside, path);
  rmSync(aside);
}

function putBack(aside, path) {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

const isHeld = (content) => content.split(' ').some((pid) => pid !== '' && isAlive(Number(pid)));

function contentOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    // EPERM: it lives, under another user.
    return error.code === 'EPERM';
  }
}

// In a container whose first process collects no orphans, a dead process keeps its pid for good.
const isZombie = (pid) => /\) Z /.test(contentOf(`/proc/${pid}/stat`));
