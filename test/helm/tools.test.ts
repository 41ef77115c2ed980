// Where Helm and kubernetes_validate come from: shell scripts stand in for them, for Go and for Python.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { obtainHelm } from '../../scripts/tools/helm.ts';
import { obtainKubernetesValidate } from '../../scripts/tools/kubernetes-validate.ts';

const HELM = '#!/bin/sh\necho v3.22.0\n';
/** `go install` writes a Helm where GOBIN says. */
const GO = `#!/bin/sh
if [ "$1" = install ]; then printf '${HELM.replaceAll('\n', '\\n')}' > "$GOBIN/helm"; /bin/chmod +x "$GOBIN/helm"; fi
`;
/** Has the module once pip has run; a virtual environment of it is a copy. */
const python = (hasModule: boolean) => `#!/bin/sh
case "$*" in
  '-m kubernetes_validate --version') ${hasModule ? 'echo 1.37.0' : 'exit 1'} ;;
  '-m venv '*) /bin/mkdir -p "$3/bin" && /bin/cp "$0" "$3/bin/python" ;;
esac
`;

let folder: string;
let env: { readonly PATH: string; readonly TERCET_SERVER_CACHE: string };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-tools-'));
  for (const name of ['path', 'cache']) mkdirSync(join(folder, name));
  env = { PATH: join(folder, 'path'), TERCET_SERVER_CACHE: join(folder, 'cache') };
});
afterEach(() => rmSync(folder, { recursive: true }));

function install(path: string, script: string): string {
  writeFileSync(join(folder, path), script, { mode: 0o755 });
  return join(folder, path);
}

describe('Helm', () => {
  test('is the one that is named by the environment, else the one on PATH', async () => {
    const named = install('named', HELM);
    const onPath = install('path/helm', '#!/bin/sh\necho v4.3.1+gabc\n');
    expect(await obtainHelm({ ...env, TERCET_TEST_HELM: named })).toEqual({ command: [named] });
    expect(await obtainHelm(env)).toEqual({ command: [onPath] });
  });

  test('is no other than the named one, which has to be version 3 or 4', async () => {
    install('path/helm', HELM);
    const named = install('named', '#!/bin/sh\necho v2.17.0\n');
    expect(await obtainHelm({ ...env, TERCET_TEST_HELM: named })).toEqual({
      reason: `TERCET_TEST_HELM: ${named} is no Helm 3 or 4 that runs here`,
    });
  });

  test('is built by Go where there is none, once', async () => {
    const go = install('path/go', GO);
    const built = { command: [expect.stringMatching(/cache\/helm-v3[\d.]+-\w+-\w+\/helm$/)] };
    expect(await obtainHelm(env)).toEqual(built);
    rmSync(go);
    expect(await obtainHelm(env)).toEqual(built);
  });

  test('is missing where there is no Go either, or the build fails', async () => {
    expect(await obtainHelm(env)).toEqual({
      reason: 'there is no `helm` on PATH, and no `go` to build it with',
    });
    install('path/go', '#!/bin/sh\n[ "$1" = version ] || { echo "no network" >&2; exit 1; }\n');
    expect(await obtainHelm(env)).toEqual({
      reason: expect.stringMatching(/^`go install .*` failed: no network$/),
    });
  });
});

describe('kubernetes_validate', () => {
  test('is that of the named Python, else of python3', async () => {
    const named = install('named', python(true));
    expect(await obtainKubernetesValidate({ ...env, TERCET_TEST_KUBERNETES_VALIDATE: named })).toEqual({
      command: [named, '-m', 'kubernetes_validate'],
    });
    install('path/python3', python(true));
    expect(await obtainKubernetesValidate(env)).toEqual({
      command: ['python3', '-m', 'kubernetes_validate'],
    });
  });

  test('is no other than that of the named Python', async () => {
    install('path/python3', python(true));
    const named = install('named', python(false));
    const found = await obtainKubernetesValidate({ ...env, TERCET_TEST_KUBERNETES_VALIDATE: named });
    expect(found).toEqual({ reason: expect.stringContaining(`${named} is no Python with the module`) });
  });

  test('is installed in an environment of its own where there is none', async () => {
    install('path/python3', python(false));
    expect(await obtainKubernetesValidate(env)).toEqual({
      command: [
        expect.stringMatching(/cache\/kubernetes-validate-[\d.]+-\w+-\w+\/bin\/python$/),
        ...['-m', 'kubernetes_validate'],
      ],
    });
  });

  test('is missing where there is no Python', async () => {
    expect(await obtainKubernetesValidate(env)).toEqual({ reason: 'there is no python3' });
  });
});
