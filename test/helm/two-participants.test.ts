// The script that `helm test` runs in its pod, against a coordinator of this machine.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chartFolder } from '../../scripts/chart/files.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { CoordinatorProcess } from '../support/coordinator-process.ts';

const script = join(chartFolder, 'files/two-participants.mjs');
const TOKEN = 'a-token-of-the-test';
/** Bounds a hang. */
const LIMIT_MS = 480_000;

describe('the two participants of helm test', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-helm-test-'));
  const tokens = join(folder, 'tokens');
  let coordinator: CoordinatorProcess;

  beforeAll(async () => {
    // As a Secret may hold it: two tokens, with line breaks.
    writeFileSync(tokens, `\n${TOKEN}\nanother-valid-token\n`);
    coordinator = new CoordinatorProcess({
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: `sqlite:${join(folder, 'tercet.sqlite')}`,
      TERCET_API_TOKENS: `${TOKEN},another-valid-token`,
    });
    await coordinator.start();
  }, LIMIT_MS);

  afterAll(async () => {
    await coordinator.remove();
    rmSync(folder, { recursive: true });
  });

  async function run(variables: Readonly<Record<string, string>>) {
    const pod = { POD_IP: '127.0.0.1', PORT: '0', NAME_PREFIX: 'tercet-test', TIMEOUT_SECONDS: '60' };
    const env = { COORDINATOR_URL: coordinator.url, API_TOKENS_FILE: tokens, ...pod, ...variables };
    // It ends with this test at the latest, by its own time limit.
    const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const [printed, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await exit, printed, complained };
  }

  const ask = async (path: string) =>
    await (
      await fetch(`${coordinator.url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })
    ).json();

  test('see a declared transaction confirmed, and print how to find it', async () => {
    const { code, printed, complained } = await run({});
    expect({ code, complained }).toEqual({ code: 0, complained: '' });
    expect(printed).toContain('confirmed: both participants were called for try and confirm');
    expect(printed).toContain('trace: none, since tracing is off');
    const gid = /^began: transaction (\S+)$/m.exec(printed)?.[1];
    expect(await ask(`/v1/transactions/${gid}`)).toMatchObject({
      name: 'helm-test',
      status: 'confirmed',
      branches: [{ participant: 'tercet-test-one' }, { participant: 'tercet-test-two' }],
    });
  });

  test('do so again, at the address of another pod', async () => {
    const { code, printed } = await run({ POD_IP: '127.0.0.2' });
    expect(code).toBe(0);
    expect(printed).toContain('registered: tercet-test-two at http://127.0.0.2:');
  });

  test('say so where the coordinator cannot call them', async () => {
    // No one listens there: like a NetworkPolicy that resets connections.
    const { code, complained } = await run({
      POD_IP: '127.0.0.3',
      PORT: '0',
      TIMEOUT_SECONDS: '8',
      LISTEN_ON: '127.0.0.1',
    });
    expect(code).toBe(1);
    expect(complained).toMatch(
      /^failed: the transaction is cancell(?:ed|ing): .*No call arrived here: may the coordinator connect to 127\.0\.0\.3:\d+\?$/m,
    );
  });

  test('say so where their token is not accepted', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'a-token-of-no-one');
    const { code, complained } = await run({ API_TOKENS_FILE: other });
    expect(code).toBe(1);
    expect(complained).toMatch(/^failed: PUT \/v1\/participants\/tercet-test-one: 401 /);
  });

  test('say so where there is no coordinator, after their time', async () => {
    const nowhere = `http://127.0.0.1:${await freePort('127.0.0.1')}`;
    const { code, complained } = await run({ COORDINATOR_URL: nowhere, TIMEOUT_SECONDS: '1' });
    expect(code).toBe(1);
    expect(complained).toMatch(/^failed: GET \/readyz: no answer .*ECONNREFUSED.*, for 1 s$/m);
  });

  test('refuse a confirm without a try, and a try after its cancel', async () => {
    const answers: (readonly [string, number])[] = [];
    // A coordinator that calls what no coordinator calls.
    const strange = createServer(async (request, response) => {
      const answer = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      if (request.url === '/readyz') return answer(200, {});
      if (request.method === 'PUT') {
        const { baseUrl } = JSON.parse(await text(request)) as { baseUrl: string };
        for (const op of ['confirm', 'cancel', 'try']) {
          const headers = { 'tcc-transaction-id': 'one', 'tcc-branch-id': 'one' };
          const { status } = await fetch(`${baseUrl}/reserve/${op}`, { method: 'POST', headers });
          answers.push([op, status]);
        }
        return answer(201, {});
      }
      return answer(200, { gid: 'one', status: 'cancelled', explanation: 'strange' });
    });
    await new Promise<void>((resolve) => strange.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(strange.address() as AddressInfo).port}`;
    const { complained } = await run({ COORDINATOR_URL: url });
    strange.close();
    expect(answers.slice(0, 3)).toEqual([
      ['confirm', 409],
      ['cancel', 200],
      ['try', 409],
    ]);
    expect(complained).toContain('failed: the transaction is cancelled: strange');
  });
});
