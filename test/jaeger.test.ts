// Where the Jaeger of `npm run test:jaeger` comes from: shell scripts stand in for Jaeger and for Go.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { obtainJaeger } from '../scripts/servers/jaeger.ts';

const JAEGER = '#!/bin/sh\n[ "$1" = components ]\n';
/** Writes a Jaeger where `go build -o FILE` says. */
const GO = `#!/bin/sh
if [ "$1" = build ]; then printf '${JAEGER.replaceAll('\n', '\\n')}' > "$3"; /bin/chmod +x "$3"; fi
`;

let folder: string;
let env: { readonly PATH: string; readonly TERCET_SERVER_CACHE: string };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-jaeger-'));
  for (const name of ['path', 'cache']) mkdirSync(join(folder, name));
  env = { PATH: join(folder, 'path'), TERCET_SERVER_CACHE: join(folder, 'cache') };
});
afterEach(() => rmSync(folder, { recursive: true }));

function install(path: string, script: string): string {
  writeFileSync(join(folder, path), script, { mode: 0o755 });
  return join(folder, path);
}

test('the one that is named by the environment comes first, then the one on PATH', async () => {
  const named = install('named', JAEGER);
  const onPath = install('path/jaeger', JAEGER);
  expect(await obtainJaeger({ ...env, TERCET_TEST_JAEGER: named })).toBe(named);
  expect(await obtainJaeger(env)).toBe(onPath);
});

test('one that is named and does not run is an error, and no other is taken', async () => {
  install('path/jaeger', JAEGER);
  const named = install('named', '#!/bin/sh\nexit 1\n');
  await expect(obtainJaeger({ ...env, TERCET_TEST_JAEGER: named })).rejects.toThrow(
    `TERCET_TEST_JAEGER: ${named} is no Jaeger 2 that runs here`,
  );
});

test('without one it is built by Go, once', async () => {
  const go = install('path/go', GO);
  const built = await obtainJaeger(env);
  expect(built).toMatch(/cache\/jaeger-\w+-\w+\/jaeger$/);
  rmSync(go);
  expect(await obtainJaeger(env)).toBe(built);
});

test('without Go, or when the build fails, it says what to install', async () => {
  const advice = /Name the binary of a Jaeger 2 by TERCET_TEST_JAEGER, put it on PATH .* or install Go/;
  await expect(obtainJaeger(env)).rejects.toThrow('there is no `go` on PATH to build it with');
  await expect(obtainJaeger(env)).rejects.toThrow(advice);
  install('path/go', '#!/bin/sh\n[ "$1" = version ] || { echo "no network" >&2; exit 1; }\n');
  await expect(obtainJaeger(env)).rejects.toThrow('`go mod init` failed: no network');
});
