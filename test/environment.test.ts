// The environment as settings: what is right is typed and frozen, what is wrong is told all at once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  hostNamesOf,
  listenerTlsOf,
  readSettings,
  settingsTable,
  shownUrl,
  UnusableSettings,
} from '../src/environment.ts';
import { newAuthority } from './support/certificates.ts';

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof UnusableSettings) return error.faults;
    throw error;
  }
  return [];
}

describe('what is left unset', () => {
  test('has the documented default', () => {
    expect(readSettings({})).toEqual({
      host: '127.0.0.1',
      port: 8080,
      hostNames: [],
      tlsCertFile: null,
      tlsKeyFile: null,
      apiTokens: [],
      allowAnonymous: false,
      databaseUrl: 'sqlite:./tercet.sqlite',
      databaseTls: false,
      databaseCaFile: null,
      databaseWaitMs: 60_000,
      tablePrefix: '',
      redisUrl: '',
      redisCaFile: null,
      redisPrefix: 'tercet',
      participantCaFile: null,
      allowedHosts: [],
      httpProxy: '',
      noProxy: [],
      traceUrlTemplate: '',
      logLevel: 'info',
      defaultTimeoutMs: 30_000,
      maxTimeoutMs: 86_400_000,
      callTimeoutMs: 5000,
      retryFirstDelayMs: 200,
      retryMaxDelayMs: 30_000,
      retryBudgetMs: 86_400_000,
      pollFirstDelayMs: 500,
      pollMaxDelayMs: 10_000,
      pollBudgetMs: 604_800_000,
      maxRetryAfterMs: 300_000,
      maxCallTimeoutMs: 60_000,
      maxRetryDelayMs: 3_600_000,
      maxRetryBudgetMs: 604_800_000,
      participantConcurrency: 256,
      participantCredentialsFile: '',
      circuitFailureCount: 10,
      circuitFirstOpenMs: 1000,
      circuitMaxOpenMs: 30_000,
      keepErrorBodies: false,
      maxActiveTransactions: 10_000,
      retentionDays: 30,
      commitTimeoutMs: 5000,
      attentionAfterMs: 600_000,
      alertWebhookUrl: '',
      alertWebhookSecrets: [],
      publicUrl: '',
      completionSecrets: [],
      alertAfterAttempts: 5,
      sweepIntervalMs: 1000,
      keepAliveTimeoutMs: 620_000,
      drainMs: 0,
      shutdownTimeoutMs: 10_000,
    });
  });

  test('is the same as what is set to nothing, as a compose file does', () => {
    expect(readSettings({ TERCET_PORT: '', TERCET_LOG_LEVEL: ' ' })).toEqual(readSettings({}));
  });
});

describe('what is set', () => {
  test('is taken with its type', () => {
    const config = readSettings({
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: 'mysql://tercet:secret@db:3306/tercet',
      TERCET_LOG_LEVEL: 'debug',
      TERCET_CALL_TIMEOUT_MS: '250',
      TERCET_ALLOW_ANONYMOUS: 'true',
    });
    expect(config).toMatchObject({
      port: 0,
      databaseUrl: 'mysql://tercet:secret@db:3306/tercet',
      logLevel: 'debug',
      callTimeoutMs: 250,
      allowAnonymous: true,
    });
  });

  test('cannot be changed afterwards', () => {
    expect(Object.isFrozen(readSettings({}))).toBe(true);
  });

  test.each([
    'TERCET_TEST_SERVERS',
    'TERCET_SERVER_CACHE',
    'TERCET_DEMO_PORT',
    'PATH',
    'TERCETX',
  ])('may stand beside %s, which is none of ours', (variable) => {
    expect(faultsOf({ [variable]: 'x' })).toEqual([]);
  });
});

test('a transaction may be given 366 days', () => {
  expect(readSettings({ TERCET_MAX_TIMEOUT_MS: '31622400000' }).maxTimeoutMs).toBe(366 * 86_400_000);
});

describe('what is wrong', () => {
  test.each([
    ['TERCET_PORT', 'http'],
    ['TERCET_PORT', '65536'],
    ['TERCET_PORT', '-1'],
    ['TERCET_PORT', '80.5'],
    ['TERCET_PORT', '0x50'],
    ['TERCET_CALL_TIMEOUT_MS', '0'],
    ['TERCET_SWEEP_INTERVAL_MS', '2147483648'],
    ['TERCET_MAX_TIMEOUT_MS', '31622400001'],
    ['TERCET_CALL_TIMEOUT_MS', '5s'],
    ['TERCET_RETRY_BUDGET_MS', '1e3'],
    ['TERCET_LOG_LEVEL', 'loud'],
    ['TERCET_ALLOW_ANONYMOUS', 'yes'],
    ['TERCET_DATABASE_URL', 'postgres://localhost/tercet'],
    ['TERCET_DATABASE_URL', 'sqlite:'],
    ['TERCET_DATABASE_URL', 'mysql://root@localhost:3306'],
    ['TERCET_DATABASE_URL', 'mysql://root@localhost/tercet?ssl=true'],
    ['TERCET_TABLE_PREFIX', 'shop-'],
    ['TERCET_TABLE_PREFIX', '`; --'],
    ['TERCET_TABLE_PREFIX', 'a_prefix_of_21_letter'],
    ['TERCET_REDIS_URL', 'localhost:6379'],
    ['TERCET_REDIS_URL', 'redis://localhost/x'],
    ['TERCET_REDIS_URL', 'redis://localhost/0/1'],
    ['TERCET_ALLOWED_HOSTS', 'http://example.org/'],
    ['TERCET_API_TOKENS', 'short'],
    ['TERCET_HOST_NAMES', 'tercet.example:8080'],
    ['TERCET_HOST_NAMES', 'https://tercet.example'],
    ['TERCET_ALERT_AFTER_ATTEMPTS', '0'],
    ['TERCET_ATTENTION_AFTER_MS', '0'],
  ])('%s=%s is refused, with the variable, what it means and its default if it has one', (variable, value) => {
    const faults = faultsOf({ [variable]: value });
    expect(faults).toHaveLength(1);
    const { default: standard } = settingsTable.find((one) => one.variable === variable) ?? {};
    expect(faults[0]).toMatch(new RegExp(`^${variable} .*\\.(?: Default: \\S+)?$`));
    expect(faults[0]?.includes('Default:')).toBe(standard !== '');
  });

  test('is listed all at once', () => {
    const faults = faultsOf({
      TERCET_PORT: 'x',
      TERCET_HOST: '0.0.0.0',
      TERCET_DEFAULT_TIMEOUT_MS: '5000',
      TERCET_MAX_TIMEOUT_MS: '1000',
      TERCET_PROT: '80',
    });
    expect(faults.map((fault) => fault.split(' ', 1)[0])).toEqual([
      'TERCET_PORT',
      'TERCET_DEFAULT_TIMEOUT_MS',
      'TERCET_HOST',
      'TERCET_PROT',
    ]);
  });

  test.each([
    [{ TERCET_HTTP_PROXY: 'http://proxy:3128' }, 'TERCET_HTTP_PROXY needs TERCET_ALLOWED_HOSTS'],
    [{ TERCET_NO_PROXY: '*.internal' }, 'TERCET_NO_PROXY has no effect without TERCET_HTTP_PROXY'],
    [
      { TERCET_HTTP_PROXY: 'http://ann:s3cret@proxy:99999', TERCET_ALLOWED_HOSTS: 'a.test' },
      'TERCET_HTTP_PROXY is no address: correct its host or port',
    ],
    [
      { TERCET_HTTP_PROXY: 'socks5://ann:s3cret@proxy', TERCET_ALLOWED_HOSTS: 'a.test' },
      'TERCET_HTTP_PROXY does not have the right form',
    ],
  ])('a proxy that cannot be used is refused: %o', (given, words) => {
    const faults = faultsOf(given);
    expect(faults).toEqual([expect.stringContaining(words)]);
    expect(faults.join()).not.toContain('s3cret');
  });

  test.each([
    { TERCET_HTTP_PROXY: 'http://ann:s3cret%@proxy', TERCET_ALLOWED_HOSTS: 'a.test' },
    { TERCET_DATABASE_URL: 'mysql://ann:s3cret%zz@127.0.0.1/tercet' },
    { TERCET_REDIS_URL: 'redis://ann:s3cret%@127.0.0.1' },
    { TERCET_REDIS_URL: 'redis+cluster://ann:s3cret%E4@127.0.0.1,127.0.0.2' },
    { TERCET_REDIS_URL: 'redis+sentinel://127.0.0.1/main?sentinelPassword=s3cret%' },
  ])('a URL whose escapes cannot be read is refused by its name: %#', (given) => {
    const [variable = ''] = Object.keys(given);
    const faults = faultsOf(given);
    expect(faults).toEqual([
      `${variable} has a “%” that begins no escape of UTF-8: in user, password and name write %25 for it`,
    ]);
  });

  test('a database whose port is none is refused, and a path of SQLite may have any character', () => {
    expect(faultsOf({ TERCET_DATABASE_URL: 'mysql://ann:s3cret@127.0.0.1:99999/tercet' })).toEqual([
      'TERCET_DATABASE_URL is no address: correct its host or port',
    ]);
    expect(readSettings({ TERCET_DATABASE_URL: 'sqlite:./100%.sqlite' }).databaseUrl).toBe(
      'sqlite:./100%.sqlite',
    );
  });

  const receiver = 'https://hooks.example/T0KEN';
  const secret = `whsec_${Buffer.alloc(24, 'x').toString('base64')}`;
  test.each([
    [{ TERCET_ALERT_WEBHOOK_URL: receiver }, 'TERCET_ALERT_WEBHOOK_URL needs TERCET_ALERT_WEBHOOK_SECRETS'],
    [{ TERCET_ALERT_WEBHOOK_SECRETS: secret }, 'has no effect without TERCET_ALERT_WEBHOOK_URL'],
    [
      { TERCET_ALERT_WEBHOOK_URL: receiver, TERCET_ALERT_WEBHOOK_SECRETS: `${secret},whsec_c2hvcnQ=` },
      'TERCET_ALERT_WEBHOOK_SECRETS, secret 2: a secret has 24 to 64 bytes, and this one 5',
    ],
    [
      {
        TERCET_ALERT_WEBHOOK_URL: receiver,
        TERCET_ALERT_WEBHOOK_SECRETS: `${secret},${secret},${secret}`,
      },
      'TERCET_ALERT_WEBHOOK_SECRETS does not have the right form',
    ],
    [
      {
        TERCET_ALERT_WEBHOOK_URL: 'https://hooks.example:99999/T0KEN',
        TERCET_ALERT_WEBHOOK_SECRETS: secret,
      },
      'TERCET_ALERT_WEBHOOK_URL is no address',
    ],
    [
      { TERCET_ALERT_WEBHOOK_URL: 'https://me:T0KEN@hooks.example', TERCET_ALERT_WEBHOOK_SECRETS: secret },
      'TERCET_ALERT_WEBHOOK_URL does not have the right form',
    ],
  ])('an alert webhook needs a URL and secrets that sign: %#', (settings, words) => {
    const faults = faultsOf(settings);
    expect(faults).toEqual([expect.stringContaining(words)]);
    expect(faults.join()).not.toMatch(/T0KEN|c2hvcnQ/);
  });

  test.each([
    [{ TERCET_PUBLIC_URL: 'https://tercet.example' }, 'TERCET_PUBLIC_URL needs TERCET_COMPLETION_SECRETS'],
    [{ TERCET_COMPLETION_SECRETS: secret }, 'has no effect without TERCET_PUBLIC_URL: set it, or remove'],
    [
      { TERCET_PUBLIC_URL: 'https://tercet.example', TERCET_COMPLETION_SECRETS: 'whsec_c2hvcnQ=' },
      'TERCET_COMPLETION_SECRETS, secret 1: a secret has 24 to 64 bytes, and this one 5',
    ],
    [
      {
        TERCET_PUBLIC_URL: 'https://tercet.example',
        TERCET_COMPLETION_SECRETS: `${secret},${secret},${secret}`,
      },
      'TERCET_COMPLETION_SECRETS does not have the right form',
    ],
    [
      { TERCET_PUBLIC_URL: 'https://tercet.example:99999', TERCET_COMPLETION_SECRETS: secret },
      'TERCET_PUBLIC_URL is no address',
    ],
    ...['ftp://tercet.example', 'https://tercet.example/?a=1', 'https://me@tercet.example'].map(
      (url) =>
        [
          { TERCET_PUBLIC_URL: url, TERCET_COMPLETION_SECRETS: secret },
          'does not have the right form',
        ] as const,
    ),
  ])('completion URLs need a public URL and secrets: %#', (settings, words) => {
    const faults = faultsOf(settings);
    expect(faults).toEqual([expect.stringContaining(words)]);
    expect(faults.join()).not.toMatch(/c2hvcnQ/);
  });

  test('an unknown setting is a misspelt one', () => {
    expect(faultsOf({ TERCET_CALL_TIMEOUT: '5000' })).toEqual([
      'TERCET_CALL_TIMEOUT is no setting: did you mean TERCET_CALL_TIMEOUT_MS? Otherwise correct its name or remove it',
    ]);
  });

  test.each([
    ['TERCET_DATABASE', 'TERCET_DATABASE_URL'],
    ['TERCET_PROT', 'TERCET_PORT'],
    ['TERCET_API_TOKEN_FILE', 'TERCET_API_TOKENS_FILE'],
  ])('%s is said to mean %s', (variable, meant) => {
    expect(faultsOf({ [variable]: 'x' })).toEqual([expect.stringContaining(`did you mean ${meant}?`)]);
  });

  test('an unknown setting that is near none is not guessed', () => {
    expect(faultsOf({ TERCET_SOMETHING_ELSE: 'x' })).toEqual([
      'TERCET_SOMETHING_ELSE is no setting: correct its name or remove it',
    ]);
  });

  test.each([
    'TERCET_RETRY_BUDGET',
    'TERCET_POLL_BUDGET',
    'TERCET_MAX_RETRY_BUDGET',
  ])('%s, a budget in calls, is replaced by one in milliseconds', (variable) => {
    expect(faultsOf({ [variable]: '15' })).toEqual([
      `${variable} is replaced by ${variable}_MS, a budget in milliseconds: remove it, or set that one`,
    ]);
  });

  test.each([
    'ssl=true',
    'ssl-mode=REQUIRED',
    'sslmode=require',
    'useSSL=true',
  ])('a database URL with ?%s is refused, and names the setting in its place', (parameter) => {
    const [fault] = faultsOf({ TERCET_DATABASE_URL: `mysql://root@localhost/tercet?${parameter}` });
    expect(fault).toMatch(/takes no parameters: TERCET_DATABASE_TLS sets TLS/);
  });

  test('the password of a database is not told', () => {
    expect(faultsOf({ TERCET_DATABASE_URL: 'mysq://tercet:secret@db/tercet' }).join()).not.toContain(
      'secret',
    );
  });
});

describe('a secret', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-config-'));
  const path = join(folder, 'tokens');
  writeFileSync(path, 'first-token-0123456\nsecond-token-012345\n');
  afterAll(() => rmSync(folder, { recursive: true }));

  test('may stand in a file', () => {
    expect(readSettings({ TERCET_API_TOKENS_FILE: path }).apiTokens).toEqual([
      'first-token-0123456',
      'second-token-012345',
    ]);
  });

  test('stands in one place, and is never repeated', () => {
    const both = { TERCET_API_TOKENS_FILE: path, TERCET_API_TOKENS: 'third-token-0123456' };
    expect(faultsOf(both)).toEqual([
      'TERCET_API_TOKENS and TERCET_API_TOKENS_FILE are both set: remove one of them',
    ]);
    expect(faultsOf({ TERCET_API_TOKENS: 'short' })).toEqual([
      expect.stringMatching(/^TERCET_API_TOKENS does not have the right form/),
    ]);
    expect(faultsOf({ TERCET_REDIS_URL: 'http://:hunter2@cache' }).join()).not.toContain('hunter2');
  });

  test('in an empty file is not taken for none: that would admit everyone', () => {
    const empty = join(folder, 'empty');
    writeFileSync(empty, '\n');
    const separators = join(folder, 'separators');
    writeFileSync(separators, ',\n');
    expect(faultsOf({ TERCET_API_TOKENS_FILE: separators })).toEqual([
      `TERCET_API_TOKENS_FILE “${separators}” names an empty file`,
    ]);
    for (const variable of ['TERCET_API_TOKENS_FILE', 'TERCET_DATABASE_URL_FILE', 'TERCET_REDIS_CA_FILE'])
      expect(faultsOf({ [variable]: empty })).toEqual([`${variable} “${empty}” names an empty file`]);
  });

  test('in a file that cannot be read stops the start', () => {
    expect(faultsOf({ TERCET_REDIS_URL_FILE: join(folder, 'absent') })).toEqual([
      expect.stringMatching(/^TERCET_REDIS_URL_FILE “.*absent” cannot be read: ENOENT/),
    ]);
    expect(faultsOf({ TERCET_DATABASE_CA_FILE: join(folder, 'absent.pem') })).toEqual([
      expect.stringMatching(/^TERCET_DATABASE_CA_FILE “.*absent.pem” cannot be read: ENOENT/),
    ]);
    expect(faultsOf({ TERCET_DATABASE_CA_FILE: path })).toEqual([
      expect.stringMatching(/^TERCET_DATABASE_CA_FILE “.*” does not have the right form/),
    ]);
    expect(faultsOf({ TERCET_PORT_FILE: path })).toEqual([expect.stringContaining('is no setting')]);
  });
});

describe('an address that others can reach', () => {
  test.each([
    '0.0.0.0',
    '::',
    '10.0.0.5',
    'tercet.internal',
    '127.0.0.1.example.org',
  ])('%s is refused as long as callers are not asked who they are', (host) => {
    expect(faultsOf({ TERCET_HOST: host })).toEqual([expect.stringContaining('TERCET_ALLOW_ANONYMOUS=true')]);
    expect(faultsOf({ TERCET_HOST: host, TERCET_ALLOW_ANONYMOUS: 'true' })).toEqual([]);
    expect(faultsOf({ TERCET_HOST: host, TERCET_API_TOKENS: 'a-token-0123456789' })).toEqual([]);
  });

  test('is none of a command that does not listen', () => {
    expect(readSettings({ TERCET_HOST: '0.0.0.0' }, { serves: false }).host).toBe('0.0.0.0');
  });

  test.each(['127.0.0.1', '127.8.0.1', '::1', 'localhost'])('%s is not one', (host) => {
    expect(faultsOf({ TERCET_HOST: host })).toEqual([]);
  });
});

describe('the certificate of the listener', () => {
  const own = newAuthority('authority of the settings');
  const certificate = own.certify(['localhost']);
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tercet-tls-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const written = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  test('and its key are read from files', () => {
    const TERCET_TLS_CERT_FILE = written('cert.pem', certificate.cert);
    const TERCET_TLS_KEY_FILE = written('key.pem', certificate.key);
    const settings = readSettings({ TERCET_TLS_CERT_FILE, TERCET_TLS_KEY_FILE });
    expect(listenerTlsOf(settings)).toEqual({ cert: certificate.cert.trim(), key: certificate.key.trim() });
    expect(listenerTlsOf(readSettings({}))).toBeNull();
  });

  test('needs its key, and the key needs it', () => {
    const path = written('alone.pem', certificate.cert + certificate.key);
    for (const variable of ['TERCET_TLS_CERT_FILE', 'TERCET_TLS_KEY_FILE'])
      expect(faultsOf({ [variable]: path })).toEqual([
        'TERCET_TLS_CERT_FILE and TERCET_TLS_KEY_FILE need each other: set both, or neither',
      ]);
  });

  test('with the key of another is refused', () => {
    const faults = faultsOf({
      TERCET_TLS_CERT_FILE: written('cert.pem', certificate.cert),
      TERCET_TLS_KEY_FILE: written('other.pem', own.certify(['localhost']).key),
    });
    expect(faults).toEqual([
      expect.stringMatching(
        /^TERCET_TLS_CERT_FILE and TERCET_TLS_KEY_FILE cannot be used together: .*key values mismatch/,
      ),
    ]);
  });

  test('with a key that cannot be used is one fault, which never shows the key', () => {
    const locked = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter2\n-----END ENCRYPTED PRIVATE KEY-----';
    const TERCET_TLS_CERT_FILE = written('cert.pem', certificate.cert);
    for (const [name, text] of [
      ['locked.pem', locked],
      ['empty.pem', ' '],
    ] as const) {
      const faults = faultsOf({ TERCET_TLS_CERT_FILE, TERCET_TLS_KEY_FILE: written(name, text) });
      expect(faults).toEqual([expect.stringMatching(/^TERCET_TLS_KEY_FILE “.*” (?:does not have|names an)/)]);
      expect(faults.join()).not.toContain('hunter2');
    }
  });
});

describe('the names that are served', () => {
  test('on a loopback address are those of the settings and of the public URL', () => {
    const settings = readSettings({
      TERCET_HOST_NAMES: 'tercet.example, [::2]',
      TERCET_PUBLIC_URL: 'https://public.example:8443/tercet',
      TERCET_COMPLETION_SECRETS: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    });
    expect(hostNamesOf(settings)).toEqual(['tercet.example', '[::2]', 'public.example']);
  });

  test('on any other address are all, so a list of them is refused there', () => {
    const environment = { TERCET_HOST: '0.0.0.0', TERCET_API_TOKENS: 'a-token-0123456789' };
    expect(hostNamesOf(readSettings(environment))).toBeNull();
    expect(faultsOf({ ...environment, TERCET_HOST_NAMES: 'tercet.example' })).toEqual([
      expect.stringMatching(/^TERCET_HOST_NAMES has no effect unless TERCET_HOST is a loopback address/),
    ]);
  });
});

test('the table of settings has every setting with a default and a sentence', () => {
  expect(settingsTable).toHaveLength(Object.keys(readSettings({})).length);
  expect(settingsTable).toContainEqual({
    variable: 'TERCET_CALL_TIMEOUT_MS',
    default: '5000',
    description: 'Timeout of one call to a participant, including the connection, in milliseconds.',
    fileVariable: null,
  });
  for (const { variable, description } of settingsTable) expect(`${variable}: ${description}`).toMatch(/\.$/);
});

test.each([
  ['sqlite:./tercet.sqlite', 'sqlite:./tercet.sqlite'],
  ['mysql://root:secret@db:3306/tercet', 'mysql://db:3306/tercet'],
  ['redis://:secret@redis:6379/0', 'redis://redis:6379/0'],
  ['mysql://root:secret@db:99999/tercet', 'mysql://…'],
  ['redis://:sec ret@redis:port', 'redis://…'],
])('the address %s is shown without user and password, also where it is none', (text, shown) => {
  expect(shownUrl(text)).toBe(shown);
});
