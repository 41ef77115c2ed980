/**
 * Load on the machine: processes that do nothing but burn CPU, one more than there are cores, so that every other process
 * has to wait for its turn. Each is watched: it ends with this Node, even if that is killed with -9.
 */
import { availableParallelism } from 'node:os';
import { watchedFolder } from '../servers/watched-folder.ts';

export type Load = { readonly pids: readonly number[]; stop(): Promise<void> };

export function startLoad(): Load {
  const burners = Array.from({ length: availableParallelism() + 1 }, () => {
    const folder = watchedFolder('load');
    return { folder, pid: folder.spawn(['/bin/sh', '-c', 'while :; do :; done']).pid ?? 0 };
  });
  return {
    pids: burners.map(({ pid }) => pid),
    stop: async () => void (await Promise.all(burners.map(({ folder }) => folder.remove()))),
  };
}
