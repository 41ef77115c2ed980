/**
 * The image, without a container engine: the tree that the Dockerfile says is made with the real commands, and its programs run in
 * namespaces, read-only and as its user, on real servers. docs/deploy.md tells what this cannot show.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../scripts/servers/free-port.ts';
import { describeOn, type SharedServer } from '../support/servers.ts';
import { Container, describeInContainer, runIn, type Settings } from './container.ts';
import { fullConfig, readDockerfile, stageOf } from './dockerfile.ts';
import { type Image, Images, PACKAGE_MANAGERS } from './tree.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const textOf = (file: string) => readFileSync(join(repository, file), 'utf8');
const { version, dependencies } = JSON.parse(textOf('package.json'));
/** Bounds a hang. */
const LIMIT_MS = 480_000;
const TOKEN = 'a-token-of-this-test';

const folder = mkdtempSync(join(tmpdir(), 'tercet-image-'));
let image: Image;
let demo: Image;

beforeAll(async () => {
  const context = join(folder, 'context');
  copyCheckout(context);
  writeFileSync(join(context, 'src/.env'), 'PASSWORD=planted\n');
  mkdirSync(join(folder, 'stages'));
  const images = new Images({ context, folder: join(folder, 'stages') });
  [image, demo] = await Promise.all([images.make(null), images.make('demo')]);
}, LIMIT_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a clone has, with the changes that are not committed yet. */
function copyCheckout(context: string): void {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', list, { cwd: repository, encoding: 'utf8' }).split('\0');
  for (const file of files)
    if (file !== '' && existsSync(join(repository, file)))
      cpSync(join(repository, file), join(context, file));
}

describe('the Dockerfile', () => {
  const stages = readDockerfile(textOf('Dockerfile'));
  const config = fullConfig(stages, stageOf(stages, null));

  test('runs as a user that is not root, in the exec form', () => {
    expect(config).toMatchObject({
      user: '65532:65532',
      workdir: '/app',
      ports: [8080],
      entrypoint: ['node'],
      command: ['src/main.ts'],
      healthcheck: { command: ['node', 'src/healthcheck.ts'] },
    });
    expect(fullConfig(stages, stageOf(stages, 'demo')).user).toBe('65532:65532');
  });

  test('has the labels of OCI, with the version of the package', () => {
    expect(config.labels).toMatchObject({
      'org.opencontainers.image.title': 'Tercet',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.revision': 'unknown',
    });
  });

  test('takes bases that can be pinned', () => {
    const text = textOf('Dockerfile');
    const given = { NODE_IMAGE: 'node@sha256:1', RUNTIME_IMAGE: 'debian@sha256:2', REVISION: 'abc' };
    const pinned = readDockerfile(text, given);
    expect(pinned.map(({ base }) => base)).toEqual(['node@sha256:1', 'debian@sha256:2', 'base', 'base']);
    const { labels } = fullConfig(pinned, stageOf(pinned, null));
    expect(labels['org.opencontainers.image.revision']).toBe('abc');
  });

  test('runs no command in the stages that the image consists of', () => {
    const final = stages.filter(({ name, base }) => name === 'base' || (base === 'base' && name !== 'demo'));
    expect(final).toHaveLength(2);
    expect(final.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'run'))).toEqual([]);
  });

  test.each([
    ['an unknown instruction', 'FROM a\nADD b c', 'the instruction ADD is not known'],
    ['an unknown flag', 'FROM a\nCOPY --chown=1 b c', 'not known: COPY'],
    ['a flag of RUN', 'FROM a\nRUN --mount=type=cache x', 'flags of RUN'],
    ['the shell form', 'FROM a\nCMD node x', 'not in the exec form'],
    ['a parser directive', '# syntax=some/frontend\nFROM a', 'parser directives'],
    ['a heredoc', 'FROM a\nRUN <<EOF\nEOF', 'heredocs'],
    ['an unknown variable', 'FROM $' + '{IMAGE}', 'no value for'],
  ])('with %s would fail this test', (_what, text, fault) => {
    expect(() => readDockerfile(text)).toThrow(fault);
  });
});

describe('the tree of the image', () => {
  const allIn = (root: string) => readdirSync(root, { recursive: true, encoding: 'utf8' });

  test('has Node, and no program that installs packages', () => {
    const files = allIn(image.root);
    expect(files).toContain('usr/local/bin/node');
    expect(PACKAGE_MANAGERS.filter((path) => files.includes(path))).toEqual([]);
    expect(files.filter((path) => /(?:^|\/)(?:npm|npx|corepack|yarn|pnpm)$/.test(path))).toEqual([]);
  });

  test('has the production dependencies and nothing else of this checkout but the sources that run', () => {
    expect(readdirSync(join(image.root, 'app')).sort()).toEqual(
      ['migrations', 'node_modules', 'package.json', 'src'].sort(),
    );
    const isThere = (path: string) => existsSync(join(image.root, 'app', path, 'package.json'));
    expect(Object.keys(dependencies).filter((name) => !isThere(`node_modules/${name}`))).toEqual([]);
    const { packages } = JSON.parse(textOf('package-lock.json')) as {
      packages: Readonly<Record<string, { dev?: true; optional?: true }>>;
    };
    const left = Object.entries(packages).filter(
      ([path, { dev, optional }]) => (dev || optional) && isThere(path),
    );
    expect(left).toEqual([]);
  });

  test('has exactly the packages that the bill of materials of `npm run sbom` lists', () => {
    type Component = { readonly purl: string };
    const printed = execFileSync(process.execPath, ['scripts/sbom.ts'], {
      cwd: repository,
      encoding: 'utf8',
    });
    const { components } = JSON.parse(printed) as { components: readonly Component[] };
    const lock = readFileSync(join(image.root, 'app/node_modules/.package-lock.json'), 'utf8');
    const { packages } = JSON.parse(lock) as { packages: Readonly<Record<string, { version?: string }>> };
    const installed = Object.entries(packages).flatMap(([path, { version }]) => {
      const name = path === 'sdk' ? '@tercet/sdk' : path.split('node_modules/').at(-1);
      return version === undefined ? [] : [`pkg:npm/${name?.replace('@', '%40')}@${version}`];
    });
    expect(components.map(({ purl }) => purl).sort()).toEqual([...new Set(installed)].sort());
  });

  test('has no file that .dockerignore keeps out', () => {
    expect(existsSync(join(folder, 'context/src/.env'))).toBe(true);
    expect(allIn(join(image.root, 'app/src')).filter((path) => path.endsWith('.env'))).toEqual([]);
  });

  test('can be read by every user, and written to by none but root, whatever the rights in the checkout', () => {
    const wrong = allIn(join(demo.root, 'app')).filter((path) => {
      const found = lstatSync(join(demo.root, 'app', path));
      if (found.isSymbolicLink() || path === 'data') return false;
      const wanted = found.isDirectory() ? 0o005 : 0o004;
      return (found.mode & 0o022) !== 0 || (found.mode & wanted) !== wanted;
    });
    expect(wrong).toEqual([]);
  });
});

describeInContainer('a container', () => {
  test(
    'runs as process 1 of a user that is not root, and can write to /tmp alone',
    async () => {
      const program = `
        const { writeFileSync } = require('node:fs');
        const tried = ['/tmp/a', '/app/a', '/a', '/usr/local/bin/node'].map((path) => {
          try { writeFileSync(path, ''); return 'written'; } catch ({ code }) { return code; }
        });
        console.log(process.pid, process.getuid(), process.getgid(), ...tried);`;
      const { printed } = await runIn(image, {}, ['-e', program]);
      expect(printed).toBe('1 65532 65532 written EROFS EROFS EROFS\n');
    },
    LIMIT_MS,
  );

  test(
    'refuses to start without tokens, since it listens on all addresses',
    async () => {
      const { code, printed } = await runIn(image, {});
      expect(printed).toMatch(/TERCET_HOST “0\.0\.0\.0” can be reached from other machines/);
      expect(code).toBe(1);
    },
    LIMIT_MS,
  );

  test(
    'needs the URL of a database: the embedded one would lie where nothing can be written',
    async () => {
      const { code, printed } = await runIn(image, { TERCET_API_TOKENS: TOKEN });
      expect(printed).toBe(
        'tercet could not start: the database of TERCET_DATABASE_URL cannot be used: this user cannot write to /app, ' +
          'the folder of the SQLite file: name a file elsewhere, or a MySQL or MariaDB database\n',
      );
      expect(code).toBe(1);
    },
    LIMIT_MS,
  );

  test.each(['src/main.ts', 'src/migrate.ts'])(
    'that waits for its database in %s ends on SIGTERM, though process 1 has no default for it',
    async (program) => {
      const settings = { TERCET_API_TOKENS: TOKEN, TERCET_DATABASE_URL: 'mysql://root@127.0.0.1:9/tercet' };
      const container = new Container(image, settings, [program]);
      await container.prints(/cannot be reached yet/);
      const code = await container.end('SIGTERM');
      const { printed } = container;
      await container.remove();
      expect({ code, printed }).toMatchObject({
        code: 143,
        printed: expect.stringContaining('ended by SIGTERM'),
      });
    },
    LIMIT_MS,
  );

  describeOn(['mysql'], 'on a database', (mysql) => {
    describeOn(['redis'], 'with a wake-up queue', (redis) => {
      const shop: Container[] = [];
      let settings: Settings;
      let coordinator: Container;

      beforeAll(async () => {
        settings = await settingsOn(mysql, redis);
        for (const name of ['inventory', 'payment'])
          shop.push(new Container(demo, { SHOP_PORT: '0' }, [`examples/shop/${name}.ts`]));
        for (const participant of shop) await participant.prints(/"port":\d+/);
      }, LIMIT_MS);
      afterAll(async () => {
        for (const container of [...shop, ...(coordinator ? [coordinator] : [])]) await container.remove();
      });

      const ask = async (method: string, path: string, body: object) => {
        const answer = await fetch(`http://127.0.0.1:${settings.TERCET_PORT}${path}`, {
          method,
          body: JSON.stringify(body),
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${TOKEN}`,
            prefer: 'wait=60',
          },
        });
        return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
      };
      const check = () => runIn(image, settings, ['src/healthcheck.ts']);

      test(
        'migrates the database, once, with the URL of the database alone',
        async () => {
          const { TERCET_DATABASE_URL = '' } = settings;
          const first = await runIn(image, { TERCET_DATABASE_URL }, ['src/migrate.ts']);
          expect(first).toMatchObject({ code: 0, printed: expect.stringContaining(': ran InitialSchema') });
          const second = await runIn(image, { TERCET_DATABASE_URL }, ['src/migrate.ts']);
          expect(second).toMatchObject({ code: 0, printed: expect.stringContaining('is up to date') });
        },
        LIMIT_MS,
      );

      test(
        'is unhealthy before it runs, and healthy when it does',
        async () => {
          const before = await check();
          expect(before).toMatchObject({ code: 1, printed: expect.stringContaining('ECONNREFUSED') });
          coordinator = new Container(image, settings);
          await coordinator.prints(/tercet is ready/);
          expect(await check()).toEqual({ code: 0, printed: '' });
        },
        LIMIT_MS,
      );

      test(
        'confirms a transaction of two participants',
        async () => {
          for (const [index, name] of ['inventory', 'payment'].entries()) {
            const port = /"port":(\d+)/.exec(shop[index]?.printed ?? '')?.[1];
            await ask('PUT', `/v1/participants/${name}`, { baseUrl: `http://127.0.0.1:${port}` });
          }
          const branches = [
            { participant: 'inventory', activity: 'reserve', payload: { item: 'mug', quantity: 2 } },
            { participant: 'payment', activity: 'hold', payload: { account: 'ann', cents: 2500 } },
          ].map((branch) => ({ branchId: branch.participant, ...branch }));
          const { status, body } = await ask('POST', '/v1/transactions', { branches });
          expect({ status, ...body }).toMatchObject({ status: 'confirmed' });
        },
        LIMIT_MS,
      );

      test(
        'stops in order on SIGTERM, with exit code 0',
        async () => {
          expect(await coordinator.end('SIGTERM')).toBe(0);
          expect(coordinator.printed).toContain('tercet has stopped');
          expect(await check()).toMatchObject({ code: 1 });
        },
        LIMIT_MS,
      );
    });
  });
});

async function settingsOn(mysql: SharedServer, redis: SharedServer): Promise<Settings> {
  const port = await freePort('127.0.0.1');
  return {
    TERCET_PORT: String(port),
    TERCET_API_TOKENS: TOKEN,
    TERCET_DATABASE_URL: await mysql.createDatabase(),
    TERCET_REDIS_URL: redis.url,
    TERCET_REDIS_PREFIX: `image-${port}`,
  };
}
