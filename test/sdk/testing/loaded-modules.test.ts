// A test world is one package and one process: it loads no server, no driver and no queue, and keeps no process alive.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

/** A transaction whose last branch is asked again and again when the program has come to its end. */
const PROGRAM = `
  import { registerHooks } from 'node:module';
  const packages = new Set();
  registerHooks({
    load(url, context, nextLoad) {
      const [, path] = url.split('/node_modules/');
      if (path !== undefined) packages.add(/^(?:@[^/]+[/])?[^/]+/.exec(path)[0]);
      return nextLoad(url, context);
    },
  });
  const { createTestWorld, scripted } = await import('@tercet/sdk/testing');
  const payment = { name: 'payment', activities: { hold: { payload: {} } } };
  const world = await createTestWorld({ participants: [scripted(payment)] });
  world.on(payment, 'confirm').fail();
  const { status } = await world.tercet.run({ name: 'order' }, (tx) => tx.payment.hold({}));
  console.log(JSON.stringify({ status, packages: [...packages].sort() }));
`;

test('a test world loads what the SDK depends on, the optional peer that is there and nothing else, and lets its process end', () => {
  const { stdout, stderr, status, signal } = spawnSync(
    process.execPath,
    ['--conditions=tercet-source', '--input-type=module', '--eval', PROGRAM],
    { cwd: dirname(fileURLToPath(import.meta.url)), encoding: 'utf8', timeout: 200_000 },
  );
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    status: 'confirming',
    packages: ['@opentelemetry/api', '@stablelib/base64', 'fast-sha256', 'standardwebhooks', 'typebox'],
  });
});
