/**
 * Makes the file system of an image without a container engine: does what the Dockerfile says, with the real commands, in
 * folders that begin as empty as they can be. A base image is stood in for by the Node that runs this and the libraries
 * that it loads.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import {
  fullConfig,
  readDockerfile,
  type Stage,
  type StageConfig,
  type Step,
  stageOf,
} from './dockerfile.ts';
import { ignoredIn, mayHoldExceptions } from './ignored.ts';

export type Image = {
  /** Its root folder. */
  readonly root: string;
  readonly config: StageConfig;
};

/** Where a base image with Node has what must not get any further. */
export const PACKAGE_MANAGERS = [
  ...['npm', 'npx', 'corepack', 'yarn', 'yarnpkg'].map((name) => `usr/local/bin/${name}`),
  ...['usr/local/lib/node_modules/npm', 'usr/local/lib/node_modules/corepack', 'opt/yarn'],
];

/** Makes several images of one Dockerfile; what they share is made once. */
export class Images {
  readonly #context: string;
  readonly #folder: string;
  readonly #stages: readonly Stage[];
  readonly #made = new Map<string, Promise<string>>();

  /** @param given.folder exists, and somebody removes it in the end */
  constructor(given: { readonly context: string; readonly folder: string }) {
    this.#context = given.context;
    this.#folder = given.folder;
    this.#stages = readDockerfile(readFileSync(join(given.context, 'Dockerfile'), 'utf8'));
  }

  /** @param target null for the stage that is built when none is named */
  async make(target: string | null): Promise<Image> {
    const stage = stageOf(this.#stages, target);
    return { root: await this.#root(stage.name), config: fullConfig(this.#stages, stage) };
  }

  /** Of a stage, or of what stands in for an image. */
  #root(name: string): Promise<string> {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const making = this.#make(name);
    this.#made.set(name, making);
    return making;
  }

  async #make(name: string): Promise<string> {
    const root = join(this.#folder, name.replaceAll(/\W/g, '-'));
    mkdirSync(root, { mode: 0o755 });
    const stage = this.#stages.find((one) => one.name === name);
    if (stage === undefined) fillBase(root, name);
    else {
      linkAll(await this.#root(stage.base), root);
      let workdir =
        fullConfig(this.#stages, { ...stage, config: { ...stage.config, workdir: null } }).workdir ?? '/';
      for (const step of stage.steps) workdir = await this.#do(step, root, workdir);
    }
    return root;
  }

  async #do(step: Step, root: string, workdir: string): Promise<string> {
    if (step.kind === 'workdir') {
      mkdirSync(join(root, step.path), { recursive: true, mode: 0o755 });
      return step.path;
    }
    if (step.kind === 'run') await run(step.command, join(root, workdir));
    else {
      const target = step.target.startsWith('/') ? join(root, step.target) : join(root, workdir, step.target);
      for (const source of step.sources) {
        const into =
          step.target.endsWith('/') && !isFolder(this.#context, source)
            ? join(target, basename(source))
            : target;
        if (step.from === null) copyFromContext(this.#context, source, into);
        else link(join(await this.#root(step.from), source), into);
      }
    }
    return workdir;
  }
}

// ── Base images ──────────────────────────────────────────────────────────────────────────────────────────────────

function fillBase(root: string, image: string): void {
  for (const folder of ['dev', 'etc', 'proc', 'usr/local/bin'])
    mkdirSync(join(root, folder), { recursive: true });
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
  for (const device of ['null', 'zero', 'random', 'urandom']) writeFileSync(join(root, 'dev', device), '');
  for (const library of librariesOf(process.execPath)) {
    mkdirSync(dirname(join(root, library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  if (!/^node:/.test(image)) return;
  copyFileSync(process.execPath, join(root, 'usr/local/bin/node'));
  for (const path of PACKAGE_MANAGERS) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
  }
}

/** The loader among them. */
function librariesOf(binary: string): readonly string[] {
  const told = execFileSync('ldd', [realpathSync(binary)], { encoding: 'utf8' });
  return [...told.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
}

// ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** They run on this machine, so what they do must stay in the folder in which they run. */
const KNOWN = [
  /^npm ci(?: --[\w=-]+)+$/,
  /^find node_modules[\w/-]* -type f (?:-regex '[^']+'|! -name '[^']+') -delete$/,
  /^rm -r(?: node_modules\/[\w@./-]+)+$/,
  /^chmod -R [ugoarwX,=+-]+(?: [\w.-]+)+$/,
  /^mkdir -m \d+ \w+$/,
];

async function run(command: string, folder: string): Promise<void> {
  for (const part of command.split(/\s*&&\s*/))
    if (!KNOWN.some((known) => known.test(part)) || part.includes('..'))
      throw new Error(`the test does not know what this does: RUN ${part}`);
  const child = spawn('sh', ['-e', '-c', `umask 022; ${command}`], {
    cwd: folder,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => (printed += String(chunk)));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`RUN ${command}\nended with ${code}:\n${printed}`);
}

/** Nothing of the run of tests, but what says where packages come from; and first on PATH the Node that runs this. */
function environment(): NodeJS.ProcessEnv {
  const isOurs = (name: string) =>
    /^(?:NODE_|TERCET_|JEST_|npm_(?!config_(?:registry|userconfig|cache)))/.test(name);
  const kept = Object.entries(process.env).filter(([name]) => !isOurs(name));
  return {
    ...Object.fromEntries(kept),
    PATH: [dirname(realpathSync(process.execPath)), process.env.PATH].join(delimiter),
    // What this machine has had before need not be asked for again.
    npm_config_prefer_offline: 'true',
    npm_config_update_notifier: 'false',
  };
}

// ── Copies ───────────────────────────────────────────────────────────────────────────────────────────────────────

const isFolder = (root: string, path: string): boolean =>
  existsSync(join(root, path)) && statSync(join(root, path)).isDirectory();

/** As from a checkout that is closed to other users: only the owner's rights come along. */
function copyFromContext(context: string, source: string, target: string): void {
  const isIgnored = ignoredIn(context);
  const mayHold = mayHoldExceptions(context);
  if (isIgnored(source) && !mayHold(source))
    throw new Error(`COPY ${source}: .dockerignore keeps it from the build`);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(context, source), target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (from) => {
      const path = from.slice(join(context, '/').length);
      return !isIgnored(path) || (lstatSync(from).isDirectory() && mayHold(path));
    },
  });
  close(target);
}

function close(path: string): void {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) return;
  chmodSync(path, found.mode & 0o700);
  if (found.isDirectory()) for (const name of readdirSync(path)) close(join(path, name));
}

/** Hard links: nothing writes to a stage that has been made. */
const linkAll = (from: string, to: string): void => void execFileSync('cp', ['-al', `${from}/.`, to]);

function link(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  if (!lstatSync(source).isDirectory()) execFileSync('cp', ['-al', source, target]);
  else {
    mkdirSync(target, { recursive: true });
    linkAll(source, target);
  }
}
