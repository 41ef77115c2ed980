/** Which files of a folder a `.dockerignore` keeps from the build. The last pattern that fits decides, as in Docker. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns for a path relative to the context, with `/` between its parts: true if the build does not get it */
export function ignoredIn(context: string): (path: string) => boolean {
  const rules = rulesOf(readFileSync(join(context, '.dockerignore'), 'utf8'));
  return (path) =>
    rules.reduce(
      (isIgnored, { pattern, isException }) => (pattern.test(path) ? !isException : isIgnored),
      false,
    );
}

/** Whether something below the folder may be let through by an exception. */
export function mayHoldExceptions(context: string): (folder: string) => boolean {
  const lines = readFileSync(join(context, '.dockerignore'), 'utf8').split('\n');
  const exceptions = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1).trim());
  return (folder) => exceptions.some((path) => path.startsWith(`${folder}/`));
}

function rulesOf(text: string) {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ isException: line.startsWith('!'), pattern: patternOf(line.replace(/^!/, '')) }));
}

/** A pattern that names a folder is meant for all in it. */
function patternOf(glob: string): RegExp {
  if (/[?[\]\\]/.test(glob)) throw new Error(`not known in .dockerignore: ${glob}`);
  const parts = glob.replace(/^\/|\/$/g, '').split(/(\*\*\/|\*\*|\*)/);
  const source = parts.map((part) => WILDCARDS[part] ?? part.replaceAll(/[.+^${}()|]/g, '\\$&')).join('');
  return new RegExp(`^${source}(?:/.*)?$`);
}

const WILDCARDS: Readonly<Record<string, string>> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*' };
