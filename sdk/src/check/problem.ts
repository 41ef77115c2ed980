/** What a participant says about a call that did not succeed, for people: nothing is judged by it. */

export type Problem = { readonly code: string | null; readonly detail: string };

const DETAIL_CHARACTERS = 500;
/** Of bodies of unknown form: pages of frameworks, stack traces. */
const EXCERPT_CHARACTERS = 200;

/** The problem document (RFC 9457), or other JSON with a `detail`. Null when the body is none. */
export function problemIn(body: string): Problem | null {
  const json = read(body);
  if (typeof json !== 'object' || json === null || !('detail' in json)) return null;
  const code = 'code' in json && typeof json.code === 'string' ? json.code : null;
  return typeof json.detail === 'string' ? { code, detail: json.detail } : null;
}

/**
 * What an operator needs to see why, in one line of limited length. More is shown of the `detail` of a problem
 * document.
 */
export function wordsOf(body: string): string {
  const problem = problemIn(body);
  if (problem === null) return inOneLine(body, EXCERPT_CHARACTERS);
  const code = problem.code === null ? '' : ` (${inOneLine(problem.code, EXCERPT_CHARACTERS)})`;
  return `“${inOneLine(problem.detail, DETAIL_CHARACTERS)}”${code}`;
}

function inOneLine(text: string, characters: number): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > characters ? `${line.slice(0, characters)}…` : line;
}

function read(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
