/**
 * The code blocks of a page, in their order, as what a reader does with them. The words after the fence say it:
 *
 *   js server.mjs     a file to write        sh        commands to run
 *   ts server.ts      another
 *   diff server.mjs   a change of that file  sh keep   commands that go on running
 *   text              what the commands before it print; … stands for anything
 */
import { readFileSync } from 'node:fs';

export type Block =
  | { readonly kind: 'file' | 'change'; readonly name: string; readonly text: string }
  | { readonly kind: 'run' | 'keep' | 'output'; readonly text: string };

const FENCE = /^```(\S*) ?([^\n]*)\n(.*?)^```$/gms;

/** @param page its path from the root of the repository */
export function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(FENCE)].map(([, language = '', words = '', code = '']) =>
    blockOf(language, words, code),
  );
}

function blockOf(language: string, words: string, text: string): Block {
  if (language === 'sh' && words === '') return { kind: 'run', text };
  if (language === 'sh' && words === 'keep') return { kind: 'keep', text };
  if (language === 'text' && words === '') return { kind: 'output', text };
  if (language === 'diff' && words !== '') return { kind: 'change', name: words, text };
  if (['js', 'ts'].includes(language) && words !== '') return { kind: 'file', name: words, text };
  throw new Error(`nobody would know what to do with a block “${language} ${words}”`);
}

/**
 * The text with the lines added that have a `+`, each after the line that stands before it in the change; a line with a blank is
 * looked for from where the one before it was found.
 */
export function changed(text: string, change: string): string {
  const lines = text.split('\n');
  let at = 0;
  for (const line of change.trimEnd().split('\n')) {
    const words = line.slice(1);
    if (line.startsWith('+')) lines.splice(at++, 0, words);
    else {
      const found = lines.indexOf(words, at);
      if (found < 0) throw new Error(`the changed file has no line “${words}” at that place`);
      at = found + 1;
    }
  }
  return lines.join('\n');
}

/** Matches what is printed, where … stands for anything. */
export const pattern = (output: string): RegExp =>
  new RegExp(output.trim().split('…').map(RegExp.escape).join('.*?'), 's');
