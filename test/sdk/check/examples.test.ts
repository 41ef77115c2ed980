/** The participants of the examples, each as a process of its own, pass without anything left unjudged. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { check } from '@tercet/sdk/check';
import { NODE_FROM_SOURCE, whileRunning } from './program.ts';

const examples = join(import.meta.dirname, '../../../examples');

const checkAt = (baseUrl: string) =>
  check({
    baseUrl,
    activity: 'reserve',
    payload: { item: 'mug', quantity: 1 },
    observeUrl: `${baseUrl}/numbers`,
  });

const PASSED = { verdict: 'passed', findings: [], notJudged: [] };

test('the inventory of the shop passes', async () => {
  const args = [...NODE_FROM_SOURCE, join(examples, 'shop/inventory.ts')];
  const env = { SHOP_PORT: '0', SHOP_DATABASE: ':memory:' };
  expect(await whileRunning(process.execPath, args, env, checkAt)).toMatchObject(PASSED);
});

const hasPython = spawnSync('python3', ['--version']).status === 0;
// Under CI a missing python3 is a failure: there the claim of the example has to be proven.
const testPython = hasPython || process.env.CI ? test : test.skip;

testPython(`the participant in Python passes${hasPython ? '' : ' (there is no python3 here)'}`, async () => {
  const args = [join(examples, 'python/participant.py')];
  expect(await whileRunning('python3', args, { PORT: '0' }, checkAt)).toMatchObject(PASSED);
});
