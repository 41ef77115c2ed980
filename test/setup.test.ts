// What every npm script stands on: setup.mjs installs once and quietly, and guard.mjs speaks when it was skipped.
// Each test has a project folder of its own and an `npm` on PATH that writes down how it was called.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const lockFile = JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0' } } });

// Slow enough for a second command to arrive meanwhile; like npm it writes its hidden lock file last, and talks.
const fakeNpm = `#!/bin/sh
echo "start $*" >> npm.log
env | grep -i '^npm_' >> npm.env
echo 'added 1 package'
while [ -n "$FAKE_HELD" ] && [ ! -e go ]; do sleep 0.05; done
sleep 0.4
mkdir -p node_modules/.bin
if [ -n "$FAKE_BROKEN_NODE" ]; then printf '#!/bin/sh\\nexit 127\\n' > node_modules/.bin/node; chmod +x node_modules/.bin/node; fi
if [ -n "$FAKE_FAILURE" ]; then exit 1; fi
cp package-lock.json node_modules/.package-lock.json
echo end >> npm.log
`;

let project: string;
const started = new Set<ChildProcess>();

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'tercet-setup-'));
  for (const name of ['setup.mjs', 'setup-lock.mjs', 'installed.mjs', 'guard.mjs']) {
    cpSync(join(repository, 'scripts', name), join(project, 'scripts', name));
  }
  writeFileSync(join(project, 'package-lock.json'), lockFile);
  mkdirSync(join(project, 'fake'));
  writeFileSync(join(project, 'fake', 'npm'), fakeNpm);
  chmodSync(join(project, 'fake', 'npm'), 0o755);
});

afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  started.clear();
  rmSync(project, { recursive: true, force: true });
});

describe('setup', () => {
  test('installs once, and with the stamp runs no npm', async () => {
    expect(await setup().ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(1);
    expect(await setup().ended).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(npmRuns()).toHaveLength(1);
  });

  test('installs again when package-lock.json has changed', async () => {
    await setup().ended;
    writeFileSync(join(project, 'package-lock.json'), lockFile.replace('1.0.0', '1.0.1'));
    expect(await setup().ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(2);
  });

  test('two commands at once install once', async () => {
    const runs = [setup({ FAKE_HELD: '1' }), setup({ FAKE_HELD: '1' })];
    await Promise.race(runs.map((one) => one.says('waiting')));
    writeFileSync(join(project, 'go'), '');
    const ended = await Promise.all(runs.map((one) => one.ended));
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    expect(npmRuns()).toHaveLength(1);
  });

  test('writes nothing on stdout, though npm does', async () => {
    const { stdout, stderr } = await setup().ended;
    expect(stdout).toBe('');
    expect(stderr).toContain('added 1 package');
  });

  test('a lock whose process is dead holds nobody up', async () => {
    const { pid } = spawnSync('true');
    plantLock(`${pid}`);
    const { code, stderr } = await setup().ended;
    expect(code).toBe(0);
    expect(stderr).not.toContain('waiting');
    expect(existsSync(join(project, '.cache', 'setup.lock'))).toBe(false);
  });

  test('a lock whose process lives is waited for, until that process ends', async () => {
    const holder = remember(spawn('sleep', ['60']));
    plantLock(`${holder.pid}`);
    const run = setup();
    await run.says('waiting');
    expect(npmRuns()).toHaveLength(0);
    holder.kill();
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(1);
  });

  test('an npm that outlives its killed command is waited for', async () => {
    const killed = setup();
    await killed.says('added 1 package');
    killed.child.kill('SIGKILL');
    expect(await setup().ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(project, 'npm.log'), 'utf8')).toMatch(/^start .*\nend\n$/);
  });

  test('a failed install leaves neither stamp nor lock, and the next command tries again', async () => {
    const failed = await setup({ FAKE_FAILURE: '1' }).ended;
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('npm ci failed');
    expect(await setup().ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(2);
  });

  test('an install by hand is taken as it is when it is the locked one', async () => {
    installByHand(lockFile);
    expect(await setup().ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(0);
  });

  test('an install by hand of other versions is replaced', async () => {
    installByHand(lockFile.replace('1.0.0', '0.9.0'));
    expect(await setup().ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(1);
  });

  test('an install without dev dependencies is enough for production only', async () => {
    writeFileSync(join(project, 'package-lock.json'), lockFile.replace('"1.0.0"', '"1.0.0","dev":true'));
    installByHand(JSON.stringify({ packages: {} }));
    expect(await setup({ NODE_ENV: 'production' }).ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(0);
    expect(await setup().ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(1);
  });

  test('dev dependencies are installed under NODE_ENV=production too', async () => {
    await setup({ NODE_ENV: 'production' }).ended;
    expect(npmRuns()[0]).toContain('--include=dev');
  });

  test('the flags of the outer npm do not reach the inner one, but its registry does', async () => {
    await setup({
      npm_config_workspace: 'sdk',
      npm_config_dry_run: 'true',
      npm_config_registry: 'http://localhost:1/',
    }).ended;
    expect(readFileSync(join(project, 'npm.env'), 'utf8')).toBe('npm_config_registry=http://localhost:1/\n');
  });

  test('a packaged Node that does not run here makes room for the one on PATH', async () => {
    expect(await setup({ FAKE_BROKEN_NODE: '1' }).ended).toMatchObject({ code: 0 });
    expect(existsSync(join(project, 'node_modules', '.bin', 'node'))).toBe(false);
    expect(await setup().ended).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('says which Node to install when there is none that is new enough', async () => {
    const { code, stderr } = await run('setup.mjs', {}, onNode20).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('install Node 24');
  });

  test.each([
    ['macOS', 'Object.defineProperty(process,"platform",{value:"darwin"})'],
    ['another processor', 'Object.defineProperty(process,"arch",{value:"riscv64"})'],
    ['musl', 'process.report.getReport=()=>({header:{}})'],
  ])('says so before it installs, where no Node is packaged: %s', async (_system, disguise) => {
    const { code, stderr } = await run('setup.mjs', {}, [...onNode20, ...importing(disguise)]).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('install Node 24');
    expect(npmRuns()).toHaveLength(0);
  });

  test('installs on macOS and musl where the Node on PATH is new enough', async () => {
    const onMac = importing('Object.defineProperty(process,"platform",{value:"darwin"})');
    expect(await run('setup.mjs', {}, onMac).ended).toMatchObject({ code: 0 });
    expect(npmRuns()).toHaveLength(1);
  });

  test('names WSL on Windows', async () => {
    const onWindows = importing('Object.defineProperty(process,"platform",{value:"win32"})');
    expect(await run('setup.mjs', {}, onWindows).ended).toMatchObject({
      code: 1,
      stderr: 'setup: on Windows, run this command in WSL\n',
    });
  });

  test('says how long the first installation takes, and only of that', async () => {
    expect((await setup().ended).stderr).toContain('names; this takes about two minutes\n');
    writeFileSync(join(project, 'package-lock.json'), lockFile.replace('1.0.0', '1.0.1'));
    expect((await setup().ended).stderr).toContain('names\n');
  });
});

describe('guard', () => {
  test('says what to run when the pre-script was skipped', async () => {
    const { code, stdout, stderr } = await run('guard.mjs').ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('node scripts/setup.mjs');
  });

  test('refuses an older Node', async () => {
    await setup().ended;
    const { code, stderr } = await run('guard.mjs', {}, onNode20).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('Node 20.1.0; Tercet needs 24');
  });

  test('is silent after setup', async () => {
    await setup().ended;
    expect(await run('guard.mjs').ended).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

const importing = (statement: string) => ['--import', `data:text/javascript,${statement}`];
const onNode20 = importing('Object.defineProperty(process,"version",{value:"v20.1.0"})');

const setup = (environment: Record<string, string> = {}) => run('setup.mjs', environment);

function run(script: string, environment: Record<string, string> = {}, flags: string[] = []) {
  const child = remember(
    spawn(process.execPath, [...flags, join(project, 'scripts', script)], {
      cwd: project,
      env: { PATH: `${join(project, 'fake')}:${process.env.PATH}`, ...environment },
    }),
  );
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  const says = (words: string) =>
    new Promise<void>((resolve) => {
      const look = () => stderr.includes(words) && resolve();
      child.stderr?.on('data', look);
      look();
    });
  return { child, ended, says };
}

function remember(child: ChildProcess) {
  started.add(child);
  return child;
}

function npmRuns() {
  const path = join(project, 'npm.log');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  return lines.filter((line) => line.startsWith('start'));
}

function plantLock(content: string) {
  mkdirSync(join(project, '.cache'), { recursive: true });
  writeFileSync(join(project, '.cache', 'setup.lock'), content);
}

function installByHand(hiddenLock: string) {
  mkdirSync(join(project, 'node_modules'), { recursive: true });
  writeFileSync(join(project, 'node_modules', '.package-lock.json'), hiddenLock);
}
