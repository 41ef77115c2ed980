// The file of credentials of participants, and its files as Kubernetes mounts and changes them.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CredentialsByName } from '../src/adapters/participant/credentials.ts';
import { UnusableSettings } from '../src/environment.ts';
import { credentialsReloads, EVERY_MS } from '../src/file-reload.ts';
import { readCredentials } from '../src/participant-credentials.ts';
import { newAuthority } from './support/certificates.ts';
import { MARKS, marksIn } from './support/marks.ts';
import { seededChance, VirtualClock } from './support/virtual-clock.ts';

const authority = newAuthority('authority of the credentials');
const [own, other] = [authority.certify(['tercet']), authority.certify(['tercet'])];
const ORIGIN = 'https://inventory.test:8443';

let folder: string;
let volumeCount: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-credentials-'));
  volumeCount = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

type Entries = Readonly<Record<string, unknown>>;

/** A new version of the mounted Secret: a link is swapped. Texts become files, and the entries the JSON file. */
function mount(entries: Entries | string, files: Readonly<Record<string, string>> = {}): string {
  volumeCount += 1;
  const version = join(folder, `version-${volumeCount}`);
  mkdirSync(version);
  const json = typeof entries === 'string' ? entries : JSON.stringify(entries);
  for (const [name, text] of Object.entries({ ...files, 'credentials.json': json }))
    writeFileSync(join(version, name), text);
  symlinkSync(version, join(folder, 'next'));
  renameSync(join(folder, 'next'), join(folder, 'data'));
  return join(folder, 'data', 'credentials.json');
}

const FILES = {
  key: `${MARKS.header}\n`,
  token: `${MARKS.token}\n`,
  cert: own.cert,
  'cert-key': own.key,
  ca: authority.cert,
};
const ENTRY = {
  origins: [ORIGIN],
  headers: { 'X-Tenant': 'acme' },
  headerFiles: { 'X-Api-Key': 'key' },
  bearerTokenFile: 'token',
  clientCertificateFile: 'cert',
  clientKeyFile: 'cert-key',
  caFile: 'ca',
};

/** The faults, wherever they are found; none of them repeats what is secret. */
async function faultsOf(entries: Entries | string, files: Readonly<Record<string, string>> = FILES) {
  const faults = await readCredentials(mount(entries, files)).then(
    (read) => read.faults,
    (error: unknown) => (error instanceof UnusableSettings ? error.faults : Promise.reject(error)),
  );
  expect(marksIn(faults.join())).toEqual([]);
  return faults;
}

test('what the files hold is read, by paths that are relative to the JSON file or absolute', async () => {
  const absolute = join(folder, 'elsewhere');
  writeFileSync(absolute, 'of another folder');
  const billing = { origins: ['http://billing.test'], headerFiles: { Authorization: absolute } };
  const { credentials, faults } = await readCredentials(mount({ inventory: ENTRY, billing }, FILES));
  expect(faults).toEqual([]);
  expect(Object.fromEntries(credentials)).toEqual({
    inventory: {
      origins: [ORIGIN],
      headers: [
        ...['X-Tenant', 'acme', 'X-Api-Key', MARKS.header],
        ...['authorization', `Bearer ${MARKS.token}`],
      ],
      secrets: [MARKS.header, `Bearer ${MARKS.token}`, MARKS.token],
      tls: { onlyCa: authority.cert, cert: own.cert, key: own.key },
    },
    billing: {
      origins: ['http://billing.test'],
      headers: ['Authorization', 'of another folder'],
      secrets: ['of another folder', 'another folder'],
      tls: { onlyCa: null, cert: null, key: null },
    },
  });
});

test('answers may repeat neither a header of a scheme nor its credentials alone', async () => {
  const files = { basic: 'Basic dXNlcjpwYXNzd29yZA==\n', short: 'Token abc', plain: 'two words' };
  const headerFiles = { Authorization: 'basic', 'X-Auth': 'short', 'X-Plain': 'plain' };
  const { credentials } = await readCredentials(
    mount({ inventory: { origins: [ORIGIN], headerFiles } }, files),
  );
  const secrets = ['Basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpwYXNzd29yZA==', 'Token abc', 'two words'];
  expect(credentials[0]?.[1]?.secrets).toEqual(secrets);
});

test('without a file no participant has credentials', async () => {
  expect(await readCredentials('')).toEqual({ credentials: [], faults: [] });
});

describe('a fault is named with its file and participant:', () => {
  const { origins } = ENTRY;
  const CR = 'a\rb';
  test.each<[string, Entries | string, RegExp]>([
    ['no JSON', `{"inventory": "${MARKS.secret}`, /credentials\.json” is no JSON object/],
    ['a member twice', '{"a": {"origins": [], "origins": []}}', /the member #\/a\/origins stands twice/],
    ['bytes of another encoding', '\ufeff{}', /is no JSON object/],
    ['a list', '[]', /is no JSON object/],
    ['a name that is none', { 'https://a.test': ENTRY }, /is no name of a participant/],
    ['no origins', { inventory: {} }, /“inventory”: origins is required/],
    ['an empty list of origins', { inventory: { origins: [] } }, /origins must not/],
    ['an origin with a path', { inventory: { origins: ['https://a.test/x'] } }, /mean “https:\/\/a\.test”/],
    ['a usual port', { inventory: { origins: ['https://a.test:443'] } }, /mean “https:\/\/a\.test”/],
    ['a login', { inventory: { origins: [`https://ann:${MARKS.password}@a.test`] } }, /origins\/0/],
    ['another scheme', { inventory: { origins: ['ftp://a.test'] } }, /no http or https origin/],
    ['a misspelt member', { inventory: { origins, bearerTokenfile: 'token' } }, /mean bearerTokenFile\?/],
    ['a member of another type', { inventory: { origins, caFile: 7 } }, /caFile must be string/],
    ['an entry that is none', { inventory: 'token' }, /must be object/],
    ['a missing file', { inventory: { origins, bearerTokenFile: 'none' } }, /“none” cannot be read: ENOENT/],
    ['a folder', { inventory: { origins, bearerTokenFile: '.' } }, /cannot be read: EISDIR/],
    ['an empty file', { inventory: { origins, bearerTokenFile: 'empty' } }, /one line of printable ASCII/],
    ['two lines', { inventory: { origins, headerFiles: { 'x-key': 'lines' } } }, /one line of printable/],
    ['a NUL', { inventory: { origins, headerFiles: { 'x-key': 'nul' } } }, /one line of printable/],
    ['a carriage return', { inventory: { origins, headers: { 'x-key': CR } } }, /headers\/x-key must be/],
    ['a token with a space', { inventory: { origins, bearerTokenFile: 'spaces' } }, /has no spaces/],
    ['a value of 9,000 characters', { inventory: { origins, bearerTokenFile: 'long' } }, /8192 at most/],
    ['half a pair', { inventory: { origins, clientKeyFile: 'cert-key' } }, /give both, or neither/],
    [
      'a pair that does not fit',
      { inventory: { ...ENTRY, clientKeyFile: 'other-key' } },
      /cannot be used together: .*mismatch/,
    ],
    ['a key with a passphrase', { inventory: { ...ENTRY, clientKeyFile: 'locked' } }, /no usable PEM/],
    ['a text in place of a certificate', { inventory: { origins, caFile: 'token' } }, /no usable PEM/],
    ['a certificate without TLS', { inventory: { ...ENTRY, origins: ['http://a.test'] } }, /need https/],
    ['a header twice', { inventory: { ...ENTRY, headers: { 'x-api-key': 'a' } } }, /X-Api-Key is given tw/],
    ['two logins', { inventory: { ...ENTRY, headers: { Authorization: 'a' } } }, /is given twice/],
    ['a name that is no header', { inventory: { origins, headers: { 'x key': 'a' } } }, /is no name of a h/],
  ])('%s', async (_what, entries, wanted) => {
    const files = {
      ...FILES,
      empty: '\n',
      lines: `${MARKS.header}\nx: y`,
      nul: `${MARKS.header}\0`,
      spaces: `${MARKS.token} b`,
      long: MARKS.token.repeat(900),
      'other-key': other.key,
      locked: own.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'),
    };
    const faults = await faultsOf(entries, files);
    expect(faults.length).toBe(1);
    expect(faults[0]).toMatch(wanted);
    expect(faults[0]).toContain(join(folder, 'data', 'credentials.json'));
  });

  test.each([
    ...[
      'TCC-Op',
      'tcc-new',
      'Idempotency-Key',
      'traceparent',
      'Baggage',
      'webhook-signature',
      'Content-Type',
    ],
    ...[
      'Content-Length',
      'content-encoding',
      'Host',
      'Connection',
      'Transfer-Encoding',
      'Proxy-Authorization',
    ],
    ...['Accept-Encoding', 'User-Agent', 'Upgrade', 'Expect', 'TE'],
  ])('the header %s of the coordinator', async (header) => {
    for (const member of ['headers', 'headerFiles']) {
      const [fault] = await faultsOf({ inventory: { origins, [member]: { [header]: 'key' } } });
      expect(fault).toContain(`the header ${header} is set by the coordinator`);
    }
  });

  test('but a header may be named as a property of every object is', async () => {
    expect(await faultsOf({ inventory: { origins, headerFiles: { constructor: 'key' } } })).toEqual([]);
  });
});

describe('while the process runs', () => {
  let time: VirtualClock;
  let used: CredentialsByName[];
  let lines: { readonly fields: object; readonly what: string }[];
  let stop: () => void;
  afterEach(() => stop());

  async function startWith(entries: Entries, files: Readonly<Record<string, string>> = FILES): Promise<void> {
    [time, used, lines] = [new VirtualClock(), [], []];
    const participantCredentialsFile = mount(entries, files);
    const log = (fields: object, what: string) => lines.push({ fields, what });
    const [reload] = credentialsReloads(
      { participantCredentialsFile },
      {
        atStart: await readCredentials(participantCredentialsFile),
        use: (byName) => used.push(byName),
        time,
        chance: seededChance(1),
        log: { info: log, error: log },
      },
    );
    reload?.start();
    stop = () => {
      reload?.stop();
      expect(marksIn(JSON.stringify(lines))).toEqual([]);
    };
  }

  /** The files are read on threads of their own, which no virtual clock waits for. */
  async function nextPass(isOver: () => boolean): Promise<void> {
    await time.run(EVERY_MS);
    while (!isOver()) await new Promise((resolve) => setImmediate(resolve));
  }

  const tokenOf = (byName: CredentialsByName | undefined, name: string) => byName?.get(name)?.headers.at(-1);
  const payment = { origins: ['https://payment.test'], bearerTokenFile: 'payment-token' };

  test('a token that changes is used', async () => {
    await startWith({ inventory: ENTRY });
    mount({ inventory: ENTRY }, { ...FILES, token: 'next' });
    await nextPass(() => used.length > 0);
    expect(tokenOf(used[0], 'inventory')).toBe('Bearer next');
    expect(lines).toEqual([
      { fields: { participants: ['inventory'] }, what: 'credentials of participants reloaded' },
    ]);
  });

  test('a broken file keeps the former credentials of its participant, and those of others are replaced', async () => {
    await startWith({ inventory: ENTRY, payment }, { ...FILES, 'payment-token': 'first' });
    const { token, ...without } = FILES;
    mount({ inventory: ENTRY, payment }, { ...without, 'payment-token': 'second' });
    await nextPass(() => lines.length > 1);
    expect(tokenOf(used[0], 'inventory')).toBe(`Bearer ${MARKS.token}`);
    expect(tokenOf(used[0], 'payment')).toBe('Bearer second');
    expect(lines[1]).toEqual({
      fields: { fault: expect.stringMatching(/“inventory”: bearerTokenFile “token” cannot be read: ENOENT/) },
      what: 'credentials of participants cannot be reloaded: the former stay in use',
    });
  });

  test('an entry that is new and broken has no former, so that nothing is sent without it', async () => {
    await startWith({ inventory: ENTRY });
    mount({ inventory: ENTRY, payment }, FILES);
    await nextPass(() => lines.length > 1);
    expect(used[0]?.get('payment')).toBeNull();
    expect(used[0]?.get('inventory')).toBeTruthy();
  });

  test('a JSON file that cannot be read changes nothing', async () => {
    await startWith({ inventory: ENTRY });
    mount(`{"inventory": {"headers": "${MARKS.secret}`, FILES);
    await nextPass(() => lines.length > 0);
    expect(used).toEqual([]);
    mount({}, FILES);
    await nextPass(() => used.length > 0);
    expect(used[0]?.size).toBe(0);
  });
});
