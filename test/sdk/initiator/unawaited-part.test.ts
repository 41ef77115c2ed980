// A part of a transaction's function that fails and that nothing awaits, in a process that goes on after unhandled rejections.
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { NODE_FROM_SOURCE, run } from '../check/program.ts';

const PROGRAM = fileURLToPath(new URL('unawaited-part.ts', import.meta.url));

test('a transaction of which a part failed that nothing awaited is cancelled, also where rejections are ignored', async () => {
  const flags = ['--unhandled-rejections=none', '--no-warnings'];
  const { stdout, stderr } = await run(process.execPath, [...NODE_FROM_SOURCE, ...flags, PROGRAM]);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ status: 'TransactionCancelled', cause: 'no such item' });
});
