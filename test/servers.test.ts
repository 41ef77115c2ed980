import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { debianMirror, parseDeb822, parseList } from '../scripts/servers/apt-sources.ts';
import { cached, cacheFolder } from '../scripts/servers/cache.ts';
import { commandIn, obtainServer } from '../scripts/servers/obtain.ts';
import { packageClosure } from '../scripts/servers/package-closure.ts';
import { startServer } from '../scripts/servers/run.ts';
import { isAtLeast, readVersion } from '../scripts/servers/versions.ts';
import { watchedFolder } from '../scripts/servers/watched-folder.ts';
import { isAlive } from './support/alive.ts';
import { until } from './support/until.ts';

const whenRoot = process.getuid?.() === 0 ? test : test.skip;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-test-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the machine's Debian mirror", () => {
  test('a line of a list is a source, with its options', () => {
    const text = [
      '# deb http://old.example/debian bookworm main',
      'deb [arch=amd64,arm64 signed-by=/keys/a.gpg] http://mirror.example/debian bookworm main contrib # ours',
      'deb-src http://mirror.example/debian bookworm main',
    ].join('\n');
    expect(parseList(text)).toEqual([
      {
        uri: 'http://mirror.example/debian',
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        fields: { 'Signed-By': '/keys/a.gpg' },
      },
    ]);
  });

  test('a stanza is a source for each of its URIs, with a key that goes on over lines', () => {
    const text = [
      '# ours',
      'Types: deb deb-src',
      '# once more',
      'URIs: http://a.example/debian http://b.example/debian',
      'Suites: bookworm bookworm-updates',
      'Components: main',
      'Signed-By:',
      ' -----BEGIN',
      ' .',
      ' abc',
      '',
      'Types: deb-src',
      'URIs: http://c.example/debian',
      '',
      'Types: deb',
      'Enabled: no',
      'URIs: http://d.example/debian',
    ].join('\n');
    const source = {
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main'],
      fields: { 'Signed-By': '\n -----BEGIN\n .\n abc' },
    };
    expect(parseDeb822(text)).toEqual([
      { uri: 'http://a.example/debian', ...source },
      { uri: 'http://b.example/debian', ...source },
    ]);
  });

  test("it is the one that serves the machine's release, not another vendor's and not a disabled file's", () => {
    write('sources.list', 'deb http://vendor.example bookworm main\n');
    write('sources.list.d/old.list.disabled', 'deb http://old.example/debian bookworm main\n');
    write(
      'sources.list.d/debian.sources',
      'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n',
    );
    expect(debianMirror(folder, 'bookworm')?.uri).toBe('http://mirror.example/debian');
    expect(debianMirror(folder, 'trixie')).toBeNull();
    expect(debianMirror(join(folder, 'absent'), 'bookworm')).toBeNull();
  });
});

describe('the packages of a server', () => {
  test('are what it loads, without what only installing needs', () => {
    const text = [
      'mysql-server-core',
      '  Depends: libc6',
      '  PreDepends: libssl3',
      ' |Depends: debconf',
      '  Depends: <perl:any>',
      '    perl',
      '  Depends: <libvirtual>',
      '    libone',
      '    libtwo',
      'libc6',
      '  Depends: libgcc-s1',
      'libgcc-s1',
      '  Depends: libc6',
      'libssl3',
      'libone',
      'libtwo',
      'debconf',
      '  Depends: libslang2',
      'libslang2',
      'perl',
    ].join('\n');
    const packages = packageClosure(text, ['mysql-server-core']);
    expect(packages).toEqual(['libc6', 'libgcc-s1', 'libone', 'libssl3', 'mysql-server-core']);
  });

  test('of PostgreSQL are those of the release that its package stands for, without its clients', () => {
    const text = [
      'postgresql',
      '  Depends: postgresql-15',
      'postgresql-15',
      '  Depends: postgresql-client-15',
      '  Depends: postgresql-common',
      '  Depends: locales',
      ' |Depends: locales-all',
      '  Depends: libpq5',
      '  Depends: tzdata',
      'postgresql-client-15',
      'postgresql-common',
      '  Depends: ssl-cert',
      'locales',
      'locales-all',
      'ssl-cert',
      'libpq5',
      'tzdata',
    ].join('\n');
    expect(packageClosure(text, ['postgresql'])).toEqual(['libpq5', 'postgresql', 'postgresql-15']);
  });

  test('of Prometheus leave out the scripts of its web pages', () => {
    const text = ['prometheus', '  Depends: libc6', '  Depends: libjs-moment', 'libc6', 'libjs-moment'].join(
      '\n',
    );
    expect(packageClosure(text, ['prometheus'])).toEqual(['libc6', 'prometheus']);
  });
});

describe('the version gate', () => {
  test.each([
    ['/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))', 'mysql', '9.7.4-2'],
    ['/usr/sbin/mysqld  Ver 8.0.40 for Linux on x86_64 (MySQL Community Server - GPL)', 'mysql', '8.0.40'],
    [
      'mysqld  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)',
      'mariadb',
      '10.11.14-MariaDB-0+deb12u2',
    ],
    ['Redis server v=8.0.6 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64', 'redis', '8.0.6'],
    ['postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)', 'postgres', '15.18'],
    ['postgres (PostgreSQL) 18beta1', 'postgres', '18beta1'],
    ['prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2)', 'prometheus', '2.42.0+ds'],
  ])('%s', (text, name, version) => {
    expect(readVersion(text)).toEqual({ name, version });
  });

  test('what is no server has no version', () => {
    expect(readVersion('bash: mysqld: not found')).toBeNull();
    expect(readVersion('psql (PostgreSQL) 15.18')).toBeNull();
  });

  test.each([
    ['8.4', '8.4', true],
    ['8.4.3-1', '8.4', true],
    ['9.0', '8.4', true],
    ['8.0.40', '8.4', false],
    ['1:10.11.14-0+deb12u2', '10.11', true],
    ['10.5.1', '10.11', false],
    ['11', '10.11', true],
    // The package that stands for a release of PostgreSQL is numbered like this.
    ['15+248+deb12u1', '15', true],
    ['13+225+deb11u1', '15', false],
  ])('%s is at least %s: %p', (version, minimum, answer) => {
    expect(isAtLeast(version, minimum)).toBe(answer);
  });
});

describe('a server is obtained', () => {
  test('from the environment before all else, unless it must be our own', async () => {
    const env = { PATH: onPath('mysqld', mysql97), TERCET_TEST_MYSQL_URL: 'mysql://root@127.0.0.1:3306' };
    expect(await obtainServer('mysql', { env })).toMatchObject({ from: 'environment' });
    expect(await obtainServer('mysql', { env, own: true })).toMatchObject({ from: 'path' });
  });

  test('from PATH before the cache', async () => {
    const env = { PATH: onPath('mysqld', mysql97), TERCET_SERVER_CACHE: cacheWith('mysql') };
    expect(await obtainServer('mysql', { env })).toEqual({
      from: 'path',
      name: 'mysql',
      version: '9.7.4',
      command: [join(folder, 'path/mysqld')],
      root: null,
    });
  });

  test.each([
    ['is too old', 'mysqld  Ver 8.0.40 for Linux'],
    ['is MariaDB under the name mysqld', mariadb1011()],
    ['does not run', null],
  ])('from the cache when the one on PATH %s', async (_why, says) => {
    const env = { PATH: onPath('mysqld', says), TERCET_SERVER_CACHE: cacheWith('mysql') };
    expect(await obtainServer('mysql', { env })).toMatchObject({ from: 'cache', version: '9.9.9' });
  });

  test('MariaDB from a mysqld on PATH that says it is MariaDB', async () => {
    const env = { PATH: onPath('mysqld', mariadb1011()) };
    expect(await obtainServer('mariadb', { env })).toMatchObject({ from: 'path', name: 'mariadb' });
  });

  test('PostgreSQL from PATH when the program that initialises its folder stands beside it', async () => {
    script('path/initdb', null);
    const env = { PATH: onPath('postgres', postgres17()), TERCET_SERVER_CACHE: postgresCache() };
    const command = [join(folder, 'path/postgres')];
    expect(await obtainServer('postgres', { env })).toMatchObject({ from: 'path', version: '17.5', command });
  });

  test('PostgreSQL from a link on PATH to where that program stands', async () => {
    script('installed/initdb', null);
    script('installed/postgres', postgres17());
    mkdirSync(join(folder, 'path'));
    symlinkSync(join(folder, 'installed/postgres'), join(folder, 'path/postgres'));
    const env = { PATH: join(folder, 'path'), TERCET_SERVER_CACHE: postgresCache() };
    const obtained = await obtainServer('postgres', { env });
    expect(obtained).toMatchObject({ version: '17.5', command: [join(folder, 'path/postgres')] });
  });

  test.each([
    ['is too old', 'postgres (PostgreSQL) 14.9', true],
    ['has no initdb beside it', postgres17(), false],
  ])('PostgreSQL from elsewhere when the one on PATH %s', async (_why, says, withInitdb) => {
    if (withInitdb) script('path/initdb', null);
    const env = { PATH: onPath('postgres', says), TERCET_SERVER_CACHE: postgresCache() };
    // It may also be installed on this machine.
    const elsewhere = { from: expect.stringMatching(/path|cache/), command: expect.any(Array) };
    const obtained = await obtainServer('postgres', { env });
    expect(obtained).toMatchObject(elsewhere);
    expect(obtained).not.toMatchObject({ command: [join(folder, 'path/postgres')] });
  });

  test('PostgreSQL of the highest major version that lies in a folder and is whole', () => {
    const cache = postgresCache('9.6', '15', '17');
    write(join('cache', entryOf('postgres'), 'root/usr/lib/postgresql/18/bin/postgres'), '');
    const root = join(cache, entryOf('postgres'), 'root');
    expect(commandIn(root, 'postgres')?.at(-1)).toBe(join(root, 'usr/lib/postgresql/17/bin/postgres'));
  });

  whenRoot('PostgreSQL not at all, for a reason, where root cannot become another user', async () => {
    const { PATH } = process.env;
    process.env.PATH = onPath('postgres', postgres17());
    script('path/initdb', null);
    script('path/setpriv', null);
    const reason = await obtainServer('postgres', { own: true }).finally(() => {
      process.env.PATH = PATH;
    });
    expect(reason).toEqual({ from: 'nowhere', name: 'postgres', reason: expect.stringMatching(/as root/) });
  });

  test('not at all, for a reason, when the cached one does not run', async () => {
    const cache = cacheWith('mysql');
    writeFileSync(
      commandIn(join(cache, entryOf('mysql'), 'root'), 'mysql')?.[0] ?? '',
      '#!/bin/sh\nexit 1\n',
    );
    const obtained = await obtainServer('mysql', { env: { TERCET_SERVER_CACHE: cache } });
    expect(obtained).toMatchObject({ from: 'nowhere', reason: expect.stringContaining('does not run') });
    await expect(startServer(obtained)).rejects.toThrow('does not run');
  });

  test('the cache lies in the checkout unless the environment names another', () => {
    expect(cacheFolder({})).toBe(join(dirname(import.meta.dirname), '.cache', 'servers'));
    expect(cacheFolder({ TERCET_SERVER_CACHE: folder })).toBe(folder);
  });
});

describe('an entry of the cache', () => {
  const fill = async (path: string): Promise<null> => {
    made += 1;
    writeFileSync(join(path, 'whole'), '');
    return null;
  };
  let made = 0;

  beforeEach(() => {
    made = 0;
  });

  test('is made once by two who want it at the same time', async () => {
    await Promise.all([cached(folder, 'entry', fill), cached(folder, 'entry', fill)]);
    expect(made).toBe(1);
    expect(readdirSync(folder)).toEqual(['entry']);
  });

  test('is not there when it could not be made', async () => {
    expect(await cached(folder, 'entry', async () => 'no mirror')).toBe('no mirror');
    await expect(cached(folder, 'entry', () => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test('replaces the half that a killed command left', async () => {
    mkdirSync(join(folder, 'half-entry-x1'));
    await cached(folder, 'entry', fill);
    expect(readdirSync(folder)).toEqual(['entry']);
  });
});

describe('a watched folder', () => {
  test('goes, and its server with it, when it is removed', async () => {
    const watched = watchedFolder('test');
    const server = watched.spawn(['/bin/sleep', '600']);
    await until('it is so', () => existsSync(join(watched.path, 'pid')));
    await watched.remove();
    expect(existsSync(watched.path)).toBe(false);
    await until('it is so', () => !isAlive(server.pid));
  });

  test('ends its server by the signal that makes it end all of its processes', async () => {
    const watched = watchedFolder('test', 'SIGQUIT');
    const heard = join(folder, 'heard');
    const program = `trap 'touch "$0"; exit' QUIT; touch ready; while :; do sleep 0.02; done`;
    const server = watched.spawn(['/bin/sh', '-c', program, heard]);
    await until('it is so', () => existsSync(join(watched.path, 'ready')));
    await watched.remove();
    await until('it is so', () => !isAlive(server.pid));
    expect(existsSync(heard)).toBe(true);
  });

  test('takes its server with it, also when another process has removed it before', async () => {
    const watched = watchedFolder('test');
    const server = watched.spawn(['/bin/sleep', '600']);
    await until('it is so', () => existsSync(join(watched.path, 'pid')));
    rmSync(watched.path, { recursive: true });
    await watched.remove();
    await until('it is so', () => !isAlive(server.pid));
  });

  test('goes, and its server with it, when its owner is killed with -9', async () => {
    const [path, pid] = await killedOwner();
    await until('it is so', () => !isAlive(pid) && !existsSync(path) && !existsSync(`${path}.dead`));
  });
});

function mariadb1011(): string {
  return 'mysqld  Ver 10.11.14-MariaDB for debian-linux-gnu';
}

function postgres17(): string {
  return 'postgres (PostgreSQL) 17.5 (Debian 17.5-1)';
}

const mysql97 = 'mysqld  Ver 9.7.4 for Linux on x86_64';

const entryOf = (name: string): string => `${name}-${process.platform}-${process.arch}`;

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

function script(name: string, says: string | null): void {
  write(name, says === null ? '#!/bin/sh\nexit 127\n' : `#!/bin/sh\necho '${says}'\n`);
  chmodSync(join(folder, name), 0o755);
}

/** A folder for PATH with one binary; null stands for one that does not run. */
function onPath(binary: string, says: string | null): string {
  script(join('path', binary), says);
  return join(folder, 'path');
}

/** A cache in which a server lies with its loader, which is what is run. */
function cacheWith(name: string): string {
  const root = join('cache', entryOf(name), 'root/usr');
  write(join(root, 'sbin/mysqld'), '');
  script(join(root, 'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'), 'mysqld  Ver 9.9.9 for Linux');
  return join(folder, 'cache');
}

function postgresCache(...versions: readonly string[]): string {
  const root = join('cache', entryOf('postgres'), 'root/usr');
  for (const version of versions.length === 0 ? ['15'] : versions) {
    for (const name of ['postgres', 'initdb']) write(join(root, 'lib/postgresql', version, 'bin', name), '');
  }
  script(join(root, 'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'), 'postgres (PostgreSQL) 15.9');
  return join(folder, 'cache');
}

async function killedOwner(): Promise<[path: string, pid: number]> {
  const module = join(import.meta.dirname, '../scripts/servers/watched-folder.ts');
  const program = `
    import { watchedFolder } from ${JSON.stringify(module)};
    const watched = watchedFolder('test');
    const server = watched.spawn(['/bin/sleep', '600']);
    console.log(watched.path, server.pid);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve) =>
    owner.stdout.once('data', (chunk) => resolve(String(chunk))),
  );
  owner.kill('SIGKILL');
  const [path = '', pid = ''] = line.trim().split(' ');
  return [path, Number(pid)];
}
