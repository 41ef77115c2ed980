/** How the demo writes: plain lines, and a little colour where a person watches and did not say no (NO_COLOR). */
const hasColour = process.stdout.isTTY === true && !process.env.NO_COLOR;

const colour = (code: number) => (text: string) => (hasColour ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = colour(1);
export const dim = colour(2);
export const red = colour(31);
export const green = colour(32);

export function write(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Cents as people write them: 1250 is 12.50. */
export const money = (cents: number): string => (cents / 100).toFixed(2);
