// Runs before every npm script: installs what package-lock.json asks for when that has not been done yet.
//
// 1. Once the stamp in node_modules matches the lock file and Node 24 is there, it returns at once.
// 2. Two commands started together install once: the second waits on a lock, then finds the stamp.
// 3. Nothing goes to stdout, so the output of `npm run -s …` stays the command's own.
// 4. Plain JavaScript without dependencies: the first run is on whatever Node the host has, from 18 on.
//
// Dev dependencies are installed under NODE_ENV=production too: a shell's setting should not decide whether the tests
// can run. An image that was installed with `npm ci --omit=dev` is taken as it is when NODE_ENV=production.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, realpathSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  installedByHand,
  isProduction,
  majorOf,
  neededMajor,
  stampMatches,
  writeStamp,
} from './installed.mjs';
import { lockAt } from './setup-lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, 'node_modules', '.bin', 'node');
const waitLimitMs = 15 * 60_000;
const pollMs = 100;

if (!isReady()) await installUnderLock();

function isReady() {
  return stampMatches(root, process.env) && (nodeForScripts()?.isNewEnough ?? false);
}

async function installUnderLock() {
  const lock = lockAt(join(root, '.cache', 'setup.lock'));
  await waitFor(lock);
  try {
    if (!isReady()) await install(lock);
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  } finally {
    lock.release();
  }
}

async function waitFor(lock) {
  const deadlineAt = Date.now() + waitLimitMs;
  for (let attempt = 0; !lock.tryTake(); attempt += 1) {
    if (attempt === 0) say('another command is installing; waiting for it');
    if (Date.now() > deadlineAt) {
      say(`gave up waiting; if nothing is installing, delete ${lock.path} and run this again`);
      process.exit(1);
    }
    await sleep(pollMs);
  }
}

async function install(lock) {
  checkNode();
  const found = installedByHand(root);
  const isEnough = found === 'all' || (found === 'without dev' && isProduction(process.env));
  if (!isEnough) await runNpmCi(lock);
  retireBrokenNode();
  if (!nodeForScripts().isNewEnough) throw new Error(adviceOnNode());
  writeStamp(root, { withDev: !isEnough || found === 'all' });
}

/** Before anything is installed, which takes minutes: whether there can be a Node that is new enough. */
function checkNode() {
  if (process.platform === 'win32') throw new Error('on Windows, run this command in WSL');
  const isThere = judged(process.version).isNewEnough || (nodeForScripts()?.isNewEnough ?? false);
  if (!isThere && !isNodePackaged()) throw new Error(adviceOnNode());
}

async function runNpmCi(lock) {
  const isFirst = !existsSync(join(root, 'node_modules'));
  const duration = isFirst ? '; this takes about two minutes' : '';
  say(`installing the dependencies that package-lock.json names${duration}`);
  // No package needs its install script, and npm before 11 does not know the allowScripts field that says so.
  const flags = ['ci', '--include=dev', '--include=optional', '--ignore-scripts', '--loglevel=error'];
  const npm = spawn('npm', flags, { cwd: root, env: innerEnvironment(), stdio: ['ignore', 2, 2] });
  // The lock names npm's pid too: npm may live on, still writing, when this command alone is killed.
  if (npm.pid !== undefined) lock.alsoHeldBy(npm.pid);
  const passOn = (signal) => npm.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, passOn);
  const outcome = await outcomeOf(npm);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, passOn);
  if (outcome !== 'exit code 0') throw new Error(`npm ci failed (${outcome}); its own words are above`);
}

function outcomeOf(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.code === 'ENOENT' ? 'npm was not found' : error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

// The outer npm hands its own flags down (--workspace, --prefix, --dry-run …); they were not meant for this install.
// What tells where packages come from stays.
function innerEnvironment() {
  const kept =
    /^npm_config_(registry|userconfig|globalconfig|cache|proxy|https_proxy|noproxy|ca|cafile|strict_ssl|offline|prefer_offline|@.*|\/\/.*)$/i;
  const entries = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || kept.test(name));
  return { ...Object.fromEntries(entries), PATH: pathWithoutOwnPackages() };
}

// npm must not run on the very node binary that npm ci is about to delete, and that may not run here.
function pathWithoutOwnPackages() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !folder.startsWith(join(root, 'node_modules'))).join(delimiter);
}

/** The node that npm scripts find: the pinned one when it is installed, else the one that runs this. */
function nodeForScripts() {
  if (!existsSync(pinnedNode)) return judged(process.version);
  if (realpathSync(pinnedNode) === realpathSync(process.execPath)) return judged(process.version);
  const { status, stdout } = spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' });
  return status === 0 ? judged(stdout) : null;
}

function judged(version) {
  return { isNewEnough: majorOf(version) >= neededMajor };
}

// The pinned binary is built for glibc. Where it does not start (musl), it would stand in the way of the host's node,
// which npm scripts find only after node_modules/.bin.
function retireBrokenNode() {
  if (nodeForScripts() !== null) return;
  say('the packaged Node does not run on this system; using the one on PATH');
  rmSync(pinnedNode, { force: true });
}

/** The package is for Linux on these processors, and for glibc, whose version only a Node for glibc reports. */
function isNodePackaged() {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return false;
  return process.report.getReport().header.glibcVersionRuntime !== undefined;
}

function adviceOnNode() {
  return (
    `Node ${neededMajor} or newer is needed, and this is ${process.version}. Its package exists for Linux with glibc ` +
    `on x64 and arm64; elsewhere install Node ${neededMajor}, put it first on PATH, and run this command again.`
  );
}

function say(words) {
  process.stderr.write(`setup: ${words}\n`);
}
