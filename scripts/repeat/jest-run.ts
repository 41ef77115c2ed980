/** One run of Jest, started as `npm test` starts it. It ends with this Node, even if that is killed with -9. */
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { isDeep } from '../deep-suites.ts';
import { nodeCommandOf } from '../npm-script.ts';
import { watchedFolder } from '../servers/watched-folder.ts';

const root = join(import.meta.dirname, '../..');

/** @returns null when it passed, else why not; what it printed is then kept in the file */
export async function runJest(files: readonly string[], outputPath: string): Promise<string | null> {
  const folder = watchedFolder('repeat');
  try {
    const command = [process.execPath, ...nodeCommandOf(root, scriptOf(files)), '--runTestsByPath', ...files];
    const child = folder.spawn(command, { cwd: root });
    child.ref();
    const [exitCode, signal] = await once(child, 'exit');
    const complaint = complaintAbout(signal ?? exitCode, readFileSync(folder.logPath, 'utf8'));
    if (complaint !== null) {
      mkdirSync(dirname(outputPath), { recursive: true });
      copyFileSync(folder.logPath, outputPath);
    }
    return complaint;
  } finally {
    await folder.remove();
  }
}

/** @throws Error for files of both scripts */
function scriptOf(files: readonly string[]): 'test' | 'test:deep' {
  const deepCount = files.filter((file) => isDeep(resolve(root, file))).length;
  if (deepCount > 0 && deepCount < files.length)
    throw new Error(
      `repeat ${files.filter((file) => isDeep(resolve(root, file))).join(', ')} in a run of its own: npm run test:deep runs it`,
    );
  return deepCount > 0 ? 'test:deep' : 'test';
}

function complaintAbout(end: number | string, output: string): string | null {
  if (end !== 0) return `Jest ended with ${end}`;
  // Tests are skipped when a server that they need is missing. Such a run proves nothing.
  const counts = /^Tests: .*$/m.exec(stripVTControlCharacters(output))?.[0] ?? '';
  return / [1-9]\d* passed/.test(counts) ? null : 'no test ran';
}
