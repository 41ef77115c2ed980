// What is installed: the one place that knows the stamp which scripts/setup.mjs leaves and scripts/guard.mjs reads.
// Plain JavaScript for Node 18 and newer without dependencies, since it runs before anything is installed.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const neededMajor = 24;

const stampPath = (root) => join(root, 'node_modules', '.tercet-setup');

/** The major number in a version such as `v24.21.0`; NaN for anything else. */
export const majorOf = (version) => Number(/^v(\d+)\./.exec(version)?.[1] ?? Number.NaN);

/** True when the stamp belongs to the package-lock.json that lies beside it. */
export function stampMatches(root, environment) {
  const stamp = readOrNull(stampPath(root));
  if (stamp === null) return false;
  const hash = lockHash(root);
  return stamp === hash || (stamp === withoutDev(hash) && isProduction(environment));
}

/** `withDev: false` stamps an install without dev dependencies: good for production, not for tests. */
export function writeStamp(root, { withDev }) {
  mkdirSync(dirname(stampPath(root)), { recursive: true });
  const hash = lockHash(root);
  writeFileSync(stampPath(root), withDev ? hash : withoutDev(hash));
}

/**
 * What an install by hand (`npm ci`, `npm install`) left: 'all', 'without dev' or 'other'.
 * npm writes its hidden lock file last, so an interrupted install is never taken for a whole one.
 */
export function installedByHand(root) {
  const hidden = packagesIn(join(root, 'node_modules', '.package-lock.json'));
  const wanted = packagesIn(join(root, 'package-lock.json'));
  if (hidden === null || wanted === null) return 'other';
  const missing = Object.entries(wanted).filter(([path, entry]) => isMissing(path, entry, hidden));
  if (missing.length === 0) return 'all';
  return missing.every(([path, entry]) => entry.dev === true && !(path in hidden)) ? 'without dev' : 'other';
}

export const isProduction = (environment) => environment.NODE_ENV === 'production';

// Packages for other platforms may be absent, but one that is present must be the locked one.
function isMissing(path, entry, hidden) {
  if (!path.includes('node_modules/')) return false;
  const found = hidden[path];
  if (found === undefined) return entry.optional !== true && entry.devOptional !== true;
  return found.version !== entry.version || found.integrity !== entry.integrity;
}

const lockHash = (root) =>
  createHash('sha256')
    .update(readOrNull(join(root, 'package-lock.json')) ?? '')
    .digest('hex');

const withoutDev = (hash) => `${hash} without dev`;

function packagesIn(path) {
  const text = readOrNull(path);
  return text === null ? null : JSON.parse(text).packages;
}

function readOrNull(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}
