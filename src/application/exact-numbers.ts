/**
 * Numbers that JSON can write and a double cannot carry. What is sent on must not change on its way, so they are found
 * before anything is made of them.
 *
 * Almost no text needs the slow look. A number of at most 15 digits without an exponent always survives, so one cheap
 * test on the raw text finds those whose numbers have to be compared with their source.
 */
import { endOfString } from '../domain/index.ts';

/** Where in the text a number may stand that a double cannot carry: after what comes before every number. */
const SUSPICIOUS_NUMBER = /(?:^|[\s:,[])-?(?:[\d.]{16}|[\d.]+[eE])/;

/** Few digits and a small power of ten: a double carries them. */
const SURELY_EXACT = /^-?[\d.]{1,15}(?:[eE][+-]?\d{1,2})?$/;
const NUMBER = /-?\d[\d.eE+-]*/y;
const [QUOTE, MINUS, ZERO, NINE] = [...'"-09'].map((one) => one.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
];

export type Inexact = {
  readonly source: string;
  /** Where it stands in the text. */
  readonly at: number;
};

/**
 * The first of them; null when there is none.
 * @param json a text that a parser has accepted
 */
export function inexactNumberIn(json: string): Inexact | null {
  if (!SUSPICIOUS_NUMBER.test(json)) return null;
  for (let at = 0; at < json.length; ) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfString(json, at);
    else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      NUMBER.lastIndex = at;
      const [source = ''] = NUMBER.exec(json) ?? [];
      if (!SURELY_EXACT.test(source) && !isCarriedExactly(Number(source), source)) return { source, at };
      at += source.length;
    } else at += 1;
  }
  return null;
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
