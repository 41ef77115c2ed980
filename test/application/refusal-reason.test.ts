import { describe, expect, test } from '@jest/globals';
import {
  clockFault,
  reasonIn,
  refusalReason,
  withoutReason,
  withReason,
} from '../../src/application/refusal-reason.ts';

const problem = (detail: unknown) => JSON.stringify({ title: 'No', status: 409, detail });

describe('why a participant refused', () => {
  test('is the detail of its problem document, in one line', () => {
    expect(refusalReason(problem(' too few\n\tmugs  left '))).toBe('too few mugs left');
  });

  test('is cut where it would not fit beside the status', () => {
    const reason = refusalReason(problem('x'.repeat(500))) ?? '';
    expect(reason).toHaveLength(180);
    expect(`409: ${reason}`.length).toBeLessThanOrEqual(200);
    expect(reason.endsWith('…')).toBe(true);
  });

  test('holds nothing that a database cannot store, and no half of a character where it is cut', () => {
    expect(refusalReason(problem('a\u0000b\u001bc'))).toBe('a b c');
    expect(refusalReason('{"detail":"\\ud83d alone"}')).toBe('\ufffd alone');
    expect(refusalReason(problem(`${'x'.repeat(178)}🙂🙂`))?.isWellFormed()).toBe(true);
  });

  test.each([
    ['the title of a problem document without a detail', { type: 'about:blank', title: 'Sold out' }],
    ['the message of Fastify', { statusCode: 409, error: 'Conflict', message: 'Sold out' }],
    ['the first message of NestJS', { statusCode: 409, error: 'Conflict', message: ['Sold out', 'No'] }],
    [
      'the message of Spring',
      { timestamp: 1, status: 409, error: 'Conflict', message: 'Sold out', path: '/' },
    ],
    ['the error of Rails', { error: 'Sold out' }],
    ['the message inside of an error', { error: { code: 409, message: 'Sold out' } }],
    ['the first detail of FastAPI', { detail: [{ loc: ['body'], msg: 'Sold out', type: 'value' }] }],
    ['a text', 'Sold out'],
  ])('is %s', (_name, body) => {
    expect(refusalReason(JSON.stringify(body))).toBe('Sold out');
  });

  test('is a short text, where it is declared as one', () => {
    expect(refusalReason('Sold out\n', true)).toBe('Sold out');
    expect(refusalReason('Sold out\n')).toBeNull();
    expect(refusalReason(`Error: sold out\n${'    at sell (shop.js:1:1)\n'.repeat(50)}`, true)).toBeNull();
  });

  test.each([
    ['no JSON', '<html>409</html>'],
    ['nothing', ''],
    ['no known member', '{"why":"so","__proto__":{"detail":"so"}}'],
    ['a detail that is no text', problem({ why: 'so' }).replace('title', 'name')],
    ['an empty detail', '{"detail":"  "}'],
    ['numbers', '{"detail":[1],"error":{"message":2}}'],
    ['a list', '["so"]'],
    ['null', 'null'],
  ])('is not in %s', (_name, body) => {
    expect(refusalReason(body)).toBeNull();
  });

  test('is kept after the status, and taken away again', () => {
    const answer = withReason('409', 'too few: 3');
    expect([answer, withoutReason(answer), reasonIn(answer)]).toEqual([
      '409: too few: 3',
      '409',
      'too few: 3',
    ]);
    expect([withoutReason('409'), reasonIn('409')]).toEqual(['409', null]);
  });
});

describe('a refusal as too late', () => {
  const tooLate = JSON.stringify({ code: 'deadline_passed', detail: 'the deadline of this try has passed' });

  test('names the clock where the deadline is more than a second ahead', () => {
    expect(clockFault(tooLate, 28_400)).toBe(
      'although the deadline is 28 s ahead: check the clock of its database',
    );
    expect(clockFault(tooLate, 1001)).not.toBeNull();
  });

  test.each([
    ['near the deadline', tooLate, 1000],
    ['after the deadline', tooLate, -5000],
    ['for another reason', JSON.stringify({ code: 'refused', detail: 'deadline_passed' }), 28_000],
    ['without a reason', '', 28_000],
  ])('does not name the clock %s', (_when, body, leftMs) => {
    expect(clockFault(body, leftMs)).toBeNull();
  });
});
