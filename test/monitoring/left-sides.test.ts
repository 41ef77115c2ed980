import { expect, test } from '@jest/globals';
import { faster } from './faster.ts';
import { leftSides } from './left-sides.ts';
import { rulesText } from './rules.ts';

test.each([
  ['max by(job) (x{a="b > c"}) > 0', ['max by(job) (x{a="b > c"})']],
  ['a > 1 and b > 2', ['a', 'b']],
  ['(a > 1 and b > 2) or (c < 3)', ['a', 'b', 'c']],
  ['(a or 0 * b) / b == 0 or absent(up{job=~".*x.*"})', ['(a or 0 * b) / b']],
])('the left sides of %s', (expression, sides) => {
  expect(leftSides(expression)).toEqual(sides);
});

test('the faster rules have windows and limits of seconds, and are otherwise the same', () => {
  const text = faster(rulesText);
  expect(text).not.toMatch(/(?:\[|for: )\d+[mhd]/);
  expect(text).toContain('tercet_wake_lag_seconds) > 1\n');
  expect(text).toContain('tercet_oldest_unfinished_transaction_age_seconds) > 60\n');
  expect(text).not.toContain('"60|');
  const withoutNumbers = (rules: string) =>
    rules.replaceAll(/\b\d+[smhd]?(?=\]|$)/gm, 'N').replaceAll(/(?<=le=~")\d+\|\d+/g, 'N');
  expect(withoutNumbers(text)).toBe(withoutNumbers(rulesText));
});
