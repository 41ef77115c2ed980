/** What an npm script of a checkout starts, so that a program which starts the same need not repeat its flags. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The last command of the script, which must be one of Node.
 * @returns all words after `node`: its flags, the file and the file's own
 */
export function nodeCommandOf(folder: string, script: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const text: unknown = scripts?.[script];
  if (typeof text !== 'string') throw new Error(`package.json of ${folder} has no script “${script}”`);
  const words = NODE_COMMAND.exec(text.split('&&').at(-1)?.trim() ?? '')?.[1];
  // Only a shell could read anything else: quotes, variables, pipes, settings in front.
  if (words === undefined)
    throw new Error(`script “${script}” of ${folder} does not end in a plain command of node: ${text}`);
  return words.split(/\s+/);
}

const NODE_COMMAND = /^(?:exec\s+)?node\s+([\w\s./=,:@+-]+)$/;
