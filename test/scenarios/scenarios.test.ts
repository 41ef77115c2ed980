/**
 * Each scenario next to this file has the traces that `transition` and `pendingCalls` give.
 * TERCET_TEST_UPDATE_SCENARIOS=1 writes them anew. Review the diff before you commit it: the protocol has changed.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { withTraces } from './scenario.ts';

const isUpdate = process.env.TERCET_TEST_UPDATE_SCENARIOS === '1';
const folder = import.meta.dirname;
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('scenarios', () => {
  test.each(names)('%s has the traces that the protocol gives', (name) => {
    const path = join(folder, name);
    const text = readFileSync(path, 'utf8');
    // Each text first says what it shows.
    expect(text).toMatch(/^# /);
    const actual = withTraces(text);
    if (!isUpdate) expect(actual).toBe(text);
    expect(actual).not.toMatch(/^error: /m);
    if (isUpdate) writeFileSync(path, actual);
  });
});
