/** What a participant says about a call that did not succeed, for people: nothing is judged by it. */

export type Problem = { readonly code: string | null; readonly detail: string };

const DETAIL_CHARACTERS = 500;
/** Of bodies of which nobody knows what they are: pages of frameworks, stack traces. */
const EXCERPT_CHARACTERS = 200;

/** The problem document (RFC 9457), or other JSON with a `detail`. Null when the body is none. */
export function problemIn(body: string): Problem | null {
  const json = read(body);
  if (typeof json !== 'object' || json === null || !('detail' in json)) return null;
  const code = 'code' in json && typeof json.code === 'string' ? json.code : null;
  return typeof json.detail === 'string' ? { code, detail: json.detail } : null;
}

/** What people need to see why: one line, and not endless. The `detail` of a problem document is told whole. */
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
