// Files of settings that change while the process runs, as Kubernetes changes them: a link is swapped.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readAgain } from '../src/environment.ts';
import { EVERY_MS, FileReload } from '../src/file-reload.ts';
import { newAuthority } from './support/certificates.ts';
import { seededChance, VirtualClock } from './support/virtual-clock.ts';

const [FIRST, SECOND] = ['first-token-of-the-file', 'second-token-of-the-file'] as const;

let folder: string;
let time: VirtualClock;
let used: object[];
let lines: { readonly fields: object; readonly what: string }[];
let stop: () => void;
let volumeCount: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-reload-'));
  [time, used, lines, volumeCount] = [new VirtualClock(), [], [], 0];
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true });
});

/** A new version of the mounted Secret: its files are always of the same date. */
function mount(files: Readonly<Record<string, string>>): void {
  volumeCount += 1;
  const version = join(folder, `version-${volumeCount}`);
  mkdirSync(version);
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(version, name), text);
    utimesSync(join(version, name), 1, 1);
  }
  symlinkSync(version, join(folder, 'next'));
  renameSync(join(folder, 'next'), join(folder, 'data'));
}

const fileOf = (name: string) => join(folder, 'data', name);

async function startWith(names: Parameters<typeof readAgain>[0], environment: Record<string, string>) {
  const files = time.watching({ read: () => readAgain(names, environment) });
  const reload = new FileReload<object>({
    time,
    chance: seededChance(1),
    what: 'files of the test',
    atStart: await readAgain(names, environment),
    read: files.read,
    use(values) {
      used.push(values);
      return {};
    },
    log: {
      info: (fields, what) => lines.push({ fields, what }),
      error: (fields, what) => lines.push({ fields, what }),
    },
  });
  reload.start();
  stop = () => reload.stop();
}

const startTokens = () => startWith(['apiTokens'], { TERCET_API_TOKENS_FILE: fileOf('tokens') });
const nextPass = () => time.run(EVERY_MS);

describe('tokens', () => {
  test('are replaced when the content changes, also by a file of the same date', async () => {
    mount({ tokens: FIRST });
    await startTokens();
    await nextPass();
    expect(used).toEqual([]);
    mount({ tokens: `${FIRST}\n${SECOND}` });
    await nextPass();
    expect(used).toEqual([{ apiTokens: [FIRST, SECOND] }]);
    expect(lines).toEqual([{ fields: {}, what: 'files of the test reloaded' }]);
  });

  test.each([
    ['is removed', {}, /cannot be read: ENOENT/],
    ['is empty', { tokens: '\n' }, /names an empty file/],
    ['has separators alone', { tokens: ' ,\n' }, /names an empty file/],
    ['has a token that is too short', { tokens: `${SECOND},hunter2` }, /TERCET_API_TOKENS does not have/],
  ])('stay as they are while the file %s, which is logged once', async (_what, files, fault) => {
    mount({ tokens: FIRST });
    await startTokens();
    mount(files as Record<string, string>);
    for (let passes = 0; passes < 3; passes += 1) await nextPass();
    expect(used).toEqual([]);
    expect(lines).toEqual([
      {
        fields: { fault: expect.stringMatching(fault) },
        what: 'files of the test cannot be reloaded: the former stay in use',
      },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|token-of-the-file/);
    mount({ tokens: SECOND });
    await nextPass();
    expect(used).toEqual([{ apiTokens: [SECOND] }]);
  });

  test('that fail a second time after a success are logged again', async () => {
    mount({ tokens: FIRST });
    await startTokens();
    for (const files of [{}, { tokens: FIRST }, {}]) {
      mount(files as Record<string, string>);
      await nextPass();
    }
    expect(lines).toHaveLength(2);
  });
});

test('a certificate and its key are replaced together, and never by a pair that does not fit', async () => {
  const authority = newAuthority('authority of the reload');
  const [former, next] = [authority.certify(['localhost']), authority.certify(['localhost'])];
  mount({ cert: former.cert, key: former.key });
  await startWith(['tlsCertFile', 'tlsKeyFile'], {
    TERCET_TLS_CERT_FILE: fileOf('cert'),
    TERCET_TLS_KEY_FILE: fileOf('key'),
  });
  mount({ cert: next.cert, key: former.key });
  await nextPass();
  expect(used).toEqual([]);
  expect(lines).toMatchObject([{ fields: { fault: expect.stringMatching(/key values mismatch/) } }]);
  mount({ cert: next.cert, key: next.key });
  await nextPass();
  expect(used).toEqual([{ tlsCertFile: next.cert.trim(), tlsKeyFile: next.key.trim() }]);
});

test('a reload that is stopped reads nothing more', async () => {
  mount({ tokens: FIRST });
  await startTokens();
  stop();
  mount({ tokens: SECOND });
  await nextPass();
  expect(used).toEqual([]);
});
