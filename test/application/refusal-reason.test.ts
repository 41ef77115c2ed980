import { describe, expect, test } from '@jest/globals';
import { refusalReason } from '../../src/application/refusal-reason.ts';

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
    ['no JSON', '<html>409</html>'],
    ['nothing', ''],
    ['no detail', '{"title":"No"}'],
    ['a detail that is no text', problem({ why: 'so' })],
    ['an empty detail', problem('  ')],
    ['a list', '[]'],
    ['null', 'null'],
  ])('is not told by %s', (_name, body) => {
    expect(refusalReason(body)).toBeNull();
  });
});
