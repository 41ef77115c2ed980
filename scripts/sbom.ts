/**
 * `npm run -s sbom > tercet.cdx.json`: the bill of materials of the image, in the format of CycloneDX, from package-lock.json.
 *
 * `npm sbom --omit dev` alone leaves out each package that production and development share. So npm is given a lock file that has
 * production alone.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Package = {
  readonly dev?: true;
  readonly optional?: true;
  readonly devOptional?: true;
  readonly devDependencies?: object;
  readonly optionalDependencies?: object;
};
type Lock = { readonly packages: Readonly<Record<string, Package>> };

const repository = fileURLToPath(new URL('../', import.meta.url));
const manifests = ['package.json', 'sdk/package.json'];

const folder = join(mkdtempSync(join(tmpdir(), 'tercet-sbom-')), 'tercet');
try {
  for (const path of manifests) write(path, withoutDevelopment(read(path)));
  write('package-lock.json', productionOf(read('package-lock.json') as Lock));
  const { status } = spawnSync('npm', ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(dirname(folder), { recursive: true });
}

function productionOf({ packages, ...rest }: Lock): Lock {
  const kept = Object.entries(packages).filter(
    ([, { dev, optional, devOptional }]) => !(dev || optional || devOptional),
  );
  return {
    ...rest,
    packages: Object.fromEntries(kept.map(([path, one]) => [path, withoutDevelopment(one)])),
  };
}

/** Optional packages are not in the image: it has its own Node. */
function withoutDevelopment({ devDependencies, optionalDependencies, ...rest }: Package): object {
  return rest;
}

function read(path: string): Package & Lock {
  return JSON.parse(readFileSync(join(repository, path), 'utf8'));
}

function write(path: string, content: object): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), JSON.stringify(content));
}
