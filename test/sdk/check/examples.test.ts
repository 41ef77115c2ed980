/** The participants of the examples, each as a process of its own, pass without anything left unjudged. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type CheckOptions, check } from '@tercet/sdk/check';
import { NODE_FROM_SOURCE, whileRunning } from './program.ts';
import { describeInPython } from '../../support/in-python.ts';

const examples = join(import.meta.dirname, '../../../examples');

const checkOf = (asked: Partial<CheckOptions> & Pick<CheckOptions, 'activity'>) => (baseUrl: string) =>
  check({
    baseUrl,
    payload: { item: 'mug', quantity: 1 },
    observeUrl: `${baseUrl}/numbers`,
    ...asked,
  });

const PASSED = { verdict: 'passed', findings: [], notJudged: [] };

test('the inventory of the shop passes', async () => {
  const args = [...NODE_FROM_SOURCE, join(examples, 'shop/inventory.ts')];
  const env = { SHOP_PORT: '0', SHOP_DATABASE: ':memory:' };
  const checked = await whileRunning(process.execPath, args, env, checkOf({ activity: 'reserve' }));
  expect(checked).toMatchObject(PASSED);
});

describeInPython('the participant in Python', () => {
  const whileItRuns = <Result>(work: (baseUrl: string) => Promise<Result>) =>
    whileRunning('python3', [join(examples, 'python/participant.py')], { PORT: '0' }, work);

  test('passes with its branches of a tcc', async () => {
    expect(await whileItRuns(checkOf({ activity: 'reserve' }))).toMatchObject(PASSED);
  });

  test('passes with its steps of a saga', async () => {
    expect(await whileItRuns(checkOf({ activity: 'take', kind: 'step' }))).toMatchObject(PASSED);
  });

  test('passes with its pivot', async () => {
    const asked = { activity: 'charge', kind: 'pivot' } as const;
    const [payload, refusedPayload] = [1, 10_001].map((cents) => ({ account: 'ann', cents }));
    expect(await whileItRuns(checkOf({ ...asked, payload, refusedPayload }))).toMatchObject(PASSED);
  });

  test('answers a call of another kind with its code, and remembers that where a pivot is meant', async () => {
    await whileItRuns(async (baseUrl) => {
      const [pivot, step] = [callsOf(baseUrl), callsOf(baseUrl)];
      const mug = { item: 'mug', quantity: 1 };
      const refused = await pivot('/take/action', mug, { kind: 'pivot' });
      expect(refused).toEqual({
        status: 422,
        body: {
          code: 'kind_mismatch',
          detail: 'this activity is declared as step, and does not serve pivot',
        },
      });
      expect(await pivot('/take/action', mug)).toEqual(refused);
      expect(await step('/take/action', mug, { kind: 'step_uncompensated' })).toMatchObject({ status: 422 });
      expect(await step('/take/action', mug, { kind: 'step' })).toMatchObject({ status: 200 });
    });
  });

  test('does not say that a pivot was undone', async () => {
    await whileItRuns(async (baseUrl) => {
      const call = callsOf(baseUrl);
      expect(await call('/charge/action', { account: 'ann', cents: 1 })).toMatchObject({ status: 200 });
      expect(await call('/charge/compensate', {})).toMatchObject({ status: 409 });
    });
  });

  test('remembers the refusal of its pivot, and that of its deadline', async () => {
    await whileItRuns(async (baseUrl) => {
      const [poor, late] = [callsOf(baseUrl), callsOf(baseUrl)];
      const refused = await poor('/charge/action', { account: 'ann', cents: 10_001 });
      expect(refused).toEqual({
        status: 409,
        body: { code: 'refused', detail: 'there is not enough: account ann, cents 10001' },
      });
      expect(await poor('/charge/action', { account: 'ann', cents: 1 })).toEqual(refused);

      const passed = await late('/charge/action', { account: 'ann', cents: 1 }, { deadlineInS: -1 });
      expect(passed).toMatchObject({ status: 409 });
      expect(await late('/charge/action', { account: 'ann', cents: 1 })).toEqual(passed);

      expect(await accountAt(baseUrl)).toEqual({ name: 'ann', cents: 10_000, spent: 0 });
    });
  });

  test('charges once in its pivot, however often it is called', async () => {
    await whileItRuns(async (baseUrl) => {
      const call = callsOf(baseUrl);
      const charged = { status: 200, body: { charged: 2500 } };
      expect(await call('/charge/action', { account: 'ann', cents: 2500 })).toEqual(charged);
      expect(await call('/charge/action', { account: 'ann', cents: 2500 })).toEqual(charged);
      expect(await accountAt(baseUrl)).toEqual({ name: 'ann', cents: 7500, spent: 2500 });
    });
  });

  test('forgets the refusal of a step that is no pivot', async () => {
    await whileItRuns(async (baseUrl) => {
      const call = callsOf(baseUrl);
      expect(await call('/take/action', { item: 'mug', quantity: 101 })).toMatchObject({ status: 409 });
      expect(await call('/take/action', { item: 'mug', quantity: 100 })).toMatchObject({ status: 200 });
    });
  });

  test('takes no branch of one pattern for a step of the other', async () => {
    await whileItRuns(async (baseUrl) => {
      const call = callsOf(baseUrl);
      expect(await call('/reserve/try', { item: 'mug', quantity: 1 })).toMatchObject({ status: 200 });
      expect(await call('/take/action', { item: 'mug', quantity: 1 })).toMatchObject({ status: 409 });
      expect(await call('/take/compensate', { item: 'mug', quantity: 1 })).toMatchObject({ status: 409 });
      expect(await call('/reserve/cancel', { item: 'mug', quantity: 1 })).toMatchObject({ status: 200 });
    });
  });
});

/** Calls for one branch. */
function callsOf(baseUrl: string) {
  const gid = randomUUID();
  return async (path: string, payload: object, { deadlineInS = 60, kind = '' } = {}) => {
    const response = await fetch(`${baseUrl}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'tcc-transaction-id': gid,
        'tcc-branch-id': 'one',
        'tcc-deadline': new Date(Date.now() + deadlineInS * 1000).toISOString(),
        ...(kind && { 'tcc-kind': kind }),
      },
      body: JSON.stringify(payload),
    });
    return { status: response.status, body: await response.json() };
  };
}

async function accountAt(baseUrl: string): Promise<unknown> {
  const numbers = (await (await fetch(`${baseUrl}/numbers`)).json()) as { name: string }[];
  return numbers.find(({ name }) => name === 'ann');
}
