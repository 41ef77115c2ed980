/**
 * Reads JSON without losing anything of it. A payload is sent on for as long as a transaction lives, so what JavaScript
 * would silently change is refused: numbers that a double cannot carry, members that stand twice, and bytes that are not UTF-8.
 * The texts of payloads are kept as they were written.
 */
import { isUtf8 } from 'node:buffer';
import { inexactNumberIn } from '../application/exact-numbers.ts';
import { eachKey, type Key, nameOf, pathTo } from '../domain/index.ts';
import type { ErrorCode } from '../errors.ts';
import { keepTexts, payloadTexts } from './payload-texts.ts';

/** A transaction of 1 MiB of payloads, and room for what is around them. A longer body is refused unread. */
export const MAX_BODY_BYTES = 1.5 * 1024 * 1024;

/** Depth at which a body is refused: far deeper than real payloads, far from where recursion ends. */
const MAX_DEPTH = 64;

/** A body that cannot be read. */
export class UnreadableBody extends Error {
  override readonly name = 'UnreadableBody';
  readonly code: ErrorCode;
  /** The place, as a JSON pointer in a URI fragment, where it is known. */
  readonly pointer: string | null;

  constructor(code: ErrorCode, detail: string, pointer: string | null = null) {
    super(detail);
    this.code = code;
    this.pointer = pointer;
  }
}

/** @throws UnreadableBody */
export function readExactJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new UnreadableBody('broken_json', 'The body holds bytes that are not UTF-8.');
  const text = body.toString('utf8');
  const value = parse(text);
  if (mayBeDeep(text) && isDeeperThan(value, MAX_DEPTH))
    throw new UnreadableBody('nested_too_deep', `The body is nested more than ${MAX_DEPTH} deep.`);
  refuseInexactNumbers(text);
  const texts = payloadTexts(text);
  if (texts.keyCount !== keyCountOf(value)) refuseRepeated(text);
  keepTexts(value, texts);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (text.startsWith('\uFEFF'))
      throw new UnreadableBody('broken_json', 'The body begins with a byte order mark.');
    // The parser's words tell the place; they may quote a few characters of the body, which the sender knows.
    throw new UnreadableBody('broken_json', `${error instanceof Error ? error.message : error}.`);
  }
}

/** Too few brackets are the quick proof that nothing is deep; brackets in strings only cost the real look. */
function mayBeDeep(text: string): boolean {
  let openCount = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x7b || code === 0x5b) openCount += 1;
  }
  return openCount > MAX_DEPTH;
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((part) => isDeeperThan(part, depth - 1));
}

function refuseInexactNumbers(text: string): void {
  const found = inexactNumberIn(text);
  if (found === null) return;
  const { source, at } = found;
  throw new UnreadableBody(
    'inexact_number',
    `${shortened(source)} would change its value.`,
    pointerTo(text, at),
  );
}

const shortened = (source: string): string => (source.length > 40 ? `${source.slice(0, 40)}…` : source);

const pointerTo = (text: string, at: number): string =>
  ['#', ...pathTo(text, at).map((step) => escaped(String(step)))].join('/');

/** A key as a step of a JSON pointer in a URI fragment. */
export const escaped = (key: string): string =>
  encodeURIComponent(key.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'));

// ── Members that stand twice ─────────────────────────────────────────────────────────────────────────────────

/** Of objects a parser keeps each name once, so that the count tells whether any was lost. */
function keyCountOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const part of value) count += keyCountOf(part);
  else for (const part of Object.values(value)) count += 1 + keyCountOf(part);
  return count;
}

function refuseRepeated(text: string): never {
  const namesByObject = new Map<number, Set<string>>();
  let repeated: Key | null = null;
  eachKey(text, (key) => {
    const names = namesByObject.get(key.objectAt) ?? new Set();
    namesByObject.set(key.objectAt, names);
    const name = nameOf(text, key);
    if (names.has(name)) repeated ??= key;
    names.add(name);
  });
  const { valueAt } = repeated as unknown as Key;
  throw new UnreadableBody(
    'invalid_request',
    'A member stands more than once in its object.',
    pointerTo(text, valueAt),
  );
}
