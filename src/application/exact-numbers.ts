/**
 * Numbers that JSON can write and a double cannot carry. What is sent on must not change on its way, so they are found
 * before anything is made of them.
 *
 * Almost no text needs the slow look. A number of at most 15 digits without an exponent always survives, so one cheap
 * test on the raw text finds those whose numbers have to be compared with their source.
 */

/** Where in the text a number may stand that a double cannot carry: after what comes before every number. */
const SUSPICIOUS_NUMBER = /(?:^|[\s:,[])-?(?:[\d.]{16}|[\d.]+[eE])/;

/** Where it was found: under this key of an object or array inside of what the whole text says. */
export type Inexact = {
  readonly root: unknown;
  readonly holder: object;
  readonly key: string;
  readonly source: string;
};

/** The first of them; null when there is none. */
export function inexactNumberIn(json: string): Inexact | null {
  if (!SUSPICIOUS_NUMBER.test(json)) return null;
  let found: Omit<Inexact, 'root'> | null = null;
  const root: unknown = JSON.parse(json, function (this: object, key, value, context?: { source?: string }) {
    const source = context?.source;
    if (typeof value === 'number' && source !== undefined && !isCarriedExactly(value, source))
      found ??= { holder: this, key, source };
    return value;
  });
  return found === null ? null : { ...(found as Omit<Inexact, 'root'>), root };
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
