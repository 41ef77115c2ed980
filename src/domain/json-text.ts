/**
 * Positions in a text of JSON that a parser has accepted: no fault of the text is noticed here. Each function reads the text once,
 * however it is nested.
 */

const [QUOTE, BACKSLASH, COLON, COMMA, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [...'"\\:,{}[]'].map((one) =>
  one.charCodeAt(0),
);

/** A name in an object. */
export type Key = {
  /** Where it stands, its quotes included. */
  readonly from: number;
  readonly to: number;
  /** Where its value begins. */
  readonly valueAt: number;
  /** Where its object begins. */
  readonly objectAt: number;
  /** 1 in an object that is in no other object or array. */
  readonly depth: number;
};

/** The place after the string that begins at `at`. */
export function endOfString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

/** The place after the value that begins at `at`. */
export function endOfValue(text: string, at: number): number {
  let depth = 0;
  for (let next = at; next < text.length; next += 1) {
    const code = text.charCodeAt(next);
    if (code === QUOTE) {
      next = endOfString(text, next) - 1;
      if (depth === 0) return next + 1;
    } else if (code === OPEN || code === OPEN_LIST) depth += 1;
    else if (code === CLOSE || code === CLOSE_LIST) {
      if (depth === 0) return next;
      depth -= 1;
      if (depth === 0) return next + 1;
    } else if (depth === 0 && (code === COMMA || isSpace(code))) return next;
  }
  return text.length;
}

/** Names as they are written, in the order of the text. */
export function eachKey(text: string, visit: (key: Key) => void): void {
  const open: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === OPEN || code === OPEN_LIST) open.push(at);
    else if (code === CLOSE || code === CLOSE_LIST) open.pop();
    else if (code === QUOTE) {
      const to = endOfString(text, at);
      const colonAt = afterSpace(text, to);
      if (text.charCodeAt(colonAt) === COLON)
        visit({
          from: at,
          to,
          valueAt: afterSpace(text, colonAt + 1),
          objectAt: open.at(-1) as number,
          depth: open.length,
        });
      at = to - 1;
    }
  }
}

/** What a name says: most are written without escapes. */
export function nameOf(text: string, { from, to }: Pick<Key, 'from' | 'to'>): string {
  const written = text.slice(from, to);
  return written.includes('\\') ? JSON.parse(written) : written.slice(1, -1);
}

/** The names and indexes that lead to what begins at `wanted`. */
export function pathTo(text: string, wanted: number): (string | number)[] {
  const path: (string | number)[] = [];
  for (let at = 0; at < wanted; at += 1) {
    const code = text.charCodeAt(at);
    const last = path.length - 1;
    if (code === OPEN) path.push('');
    else if (code === OPEN_LIST) path.push(0);
    else if (code === CLOSE || code === CLOSE_LIST) path.pop();
    else if (code === COMMA && typeof path[last] === 'number') path[last] += 1;
    else if (code === QUOTE) {
      const to = endOfString(text, at);
      if (text.charCodeAt(afterSpace(text, to)) === COLON) path[last] = nameOf(text, { from: at, to });
      at = to - 1;
    }
  }
  return path;
}

function afterSpace(text: string, at: number): number {
  let next = at;
  while (isSpace(text.charCodeAt(next))) next += 1;
  return next;
}

const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d);
