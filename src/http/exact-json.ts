/**
 * Reads JSON without losing anything of it. A payload is sent on for as long as a transaction lives, so what JavaScript
 * would silently change is refused: numbers that a double cannot carry, and bytes that are not UTF-8.
 *
 * Almost no body needs the slow look. A number of at most 15 digits without an exponent always survives, so one cheap
 * test on the raw text finds the bodies whose numbers have to be compared with their source.
 */
import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from '../errors.ts';

/** Depth at which a body is refused: far deeper than real payloads, far from where recursion ends. */
const MAX_DEPTH = 64;

/** Where in the text a number may stand that a double cannot carry: after what comes before every number. */
const SUSPICIOUS_NUMBER = /(?:^|[\s:,[])-?(?:[\d.]{16}|[\d.]+[eE])/;

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
  if (SUSPICIOUS_NUMBER.test(text)) refuseInexactNumbers(text);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
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

// ── Numbers ──────────────────────────────────────────────────────────────────────────────────────────────────

type Inexact = { readonly holder: object; readonly key: string; readonly source: string };

function refuseInexactNumbers(text: string): void {
  let found: Inexact | null = null;
  const root: unknown = JSON.parse(text, function (this: object, key, value, context?: { source?: string }) {
    const source = context?.source;
    if (typeof value === 'number' && source !== undefined && !isCarriedExactly(value, source))
      found ??= { holder: this, key, source };
    return value;
  });
  if (found === null) return;
  const { holder, key, source } = found as Inexact;
  const pointer = `#${pathTo(root, holder) ?? ''}${key === '' ? '' : `/${escaped(key)}`}`;
  throw new UnreadableBody('inexact_number', `${shortened(source)} would change its value.`, pointer);
}

const isCarriedExactly = (value: number, source: string): boolean =>
  Number.isFinite(value) && decimal(source) === decimal(String(value));

/** One spelling for each decimal value: its digits without zeros at either end, and the power of ten. */
function decimal(source: string): string {
  const [mantissa = '', exponent = '0'] = source.toLowerCase().replace(/^-/, '').split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.slice(0, digits.length - trailingZeroCount(digits));
  if (significant === '') return '0';
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** Counted from the end: a pattern would begin anew at each zero, and take hours over a megabyte of them. */
function trailingZeroCount(digits: string): number {
  let count = 0;
  while (digits.charCodeAt(digits.length - 1 - count) === ZERO) count += 1;
  return count;
}

const ZERO = '0'.charCodeAt(0);

const shortened = (source: string): string => (source.length > 40 ? `${source.slice(0, 40)}…` : source);

/** The path from `root` to the object `wanted`; null when it is not inside. */
function pathTo(root: unknown, wanted: object): string | null {
  if (root === wanted) return '';
  if (typeof root !== 'object' || root === null) return null;
  for (const [key, part] of Object.entries(root)) {
    const rest = pathTo(part, wanted);
    if (rest !== null) return `/${escaped(key)}${rest}`;
  }
  return null;
}

/** A key as a step of a JSON pointer in a URI fragment. */
export const escaped = (key: string): string =>
  encodeURIComponent(key.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'));
