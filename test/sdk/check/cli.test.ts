/** The program `tercet`, as a process: what it prints, and what scripts read off its exit code. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import type { Report } from '@tercet/sdk/check';
import { MARKS, marksIn } from '../../support/marks.ts';
import { type Fault, startSampleParticipant } from './sample-participant.ts';
import { NODE_FROM_SOURCE, run } from './program.ts';

const sdk = join(import.meta.dirname, '../../../sdk');
const tercet = (...args: string[]) =>
  run(process.execPath, [...NODE_FROM_SOURCE, join(sdk, 'src/check/cli.ts'), ...args]);

async function checkNaive(fault: Fault | null, isObserved: boolean, ...more: string[]) {
  const { baseUrl, observeUrl, stop } = await startSampleParticipant({ fault });
  const observed = isObserved ? ['--observe', observeUrl] : [];
  try {
    return await tercet('check', baseUrl, '--activity', 'reserve', '--payload', '{}', ...observed, ...more);
  } finally {
    await stop();
  }
}

/** The sample participants of this file answer no call with 202. */
const SKIPPED =
  'Skipped: the rules on ops that are completed from outside, since no try or action was answered 202\n\n';

test('a participant that keeps all rules: 0', async () => {
  expect(await checkNaive(null, true)).toEqual({
    exitCode: 0,
    stdout: `${SKIPPED}Passed: all 36 rules are kept.\n`,
    stderr: '',
  });
});

test('a participant that breaks a rule: 1, with what was seen, what it costs and what to do', async () => {
  const { exitCode, stdout } = await checkNaive('cancels twice', true);
  expect(exitCode).toBe(1);
  expect(stdout).toContain(
    '✗ A repeated cancel takes effect once.  [cancel_applied_twice]\n  Seen:  A cancel was',
  );
  expect(stdout).toContain('\n  Costs: ');
  expect(stdout).toContain('\n  Fix:   ');
  expect(stdout).toContain('Violated: 1 of 36 judged rules.\n');
});

test('a participant whose numbers are not shown: 2, with the rules that were not judged', async () => {
  const { exitCode, stdout } = await checkNaive(null, false);
  expect(exitCode).toBe(2);
  expect(stdout).toContain('Not judged: effects do not show in statuses');
  expect(stdout).toContain('  – A repeated confirm takes effect once.\n');
  expect(stdout).toContain('Not judged in full: 23 kept, 13 could not be judged.\n');
});

test('a participant that is said to have no numbers: 0, with the rules that were not judged', async () => {
  const { exitCode, stdout } = await checkNaive(null, false, '--observe', 'none');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('Not judged: no numbers, as --observe none (observeUrl: null) says\n');
  expect(stdout).toContain(
    'Passed: all 23 rules that show without numbers are kept; 13 need numbers, and were not judged.\n',
  );
});

test('without --observe the report says how to accept that there are no numbers', async () => {
  const { stdout } = await checkNaive(null, false);
  expect(stdout).toContain('Where there are none, --observe none (observeUrl: null) accepts that\n');
});

test.each([
  ['step', 27],
  ['step_uncompensated', 19],
  ['pivot', 22],
  ['final', 19],
] as const)('an activity of the kind %s is checked as one by --kind: 0', async (kind, ruleCount) => {
  const { baseUrl, observeUrl, stop } = await startSampleParticipant({ kind });
  const refused = kind === 'pivot' ? ['--refused-payload', '{"quantity":"too much"}'] : [];
  try {
    const asked = ['--kind', kind, '--activity', 'reserve', '--payload', '{}', '--observe', observeUrl];
    expect(await tercet('check', baseUrl, ...asked, ...refused)).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `${SKIPPED}Passed: all ${ruleCount} rules are kept.\n`,
    });
  } finally {
    await stop();
  }
});

test('a step of a saga that has no compensate: 2, and nothing is held against it', async () => {
  const { baseUrl, stop } = await startSampleParticipant({ kind: 'step', fault: 'has no cancel' });
  try {
    const asked = ['--kind', 'step', '--activity', 'reserve', '--payload', '{}'];
    const { exitCode, stdout } = await tercet('check', baseUrl, ...asked);
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^Not judged: the compensate at .* was answered 404\. If nothing undoes the step/);
    expect(stdout).toMatch(/\n\nNothing could be judged\.\n$/);
  } finally {
    await stop();
  }
});

test('a violation without numbers: 1', async () => {
  expect(await checkNaive('leaves no tombstone', false)).toMatchObject({ exitCode: 1 });
});

test('a participant that nobody reaches: 2', async () => {
  const { baseUrl, stop } = await startSampleParticipant();
  await stop();
  const { exitCode, stdout } = await tercet('check', baseUrl, '--activity', 'reserve', '--payload', '{}');
  expect(exitCode).toBe(2);
  expect(stdout).toContain('the participant was not reached: the try at');
  expect(stdout).toContain('had no answer (connect ECONNREFUSED');
  expect(stdout).toContain('see that the participant runs');
  expect(stdout).toMatch(/\n\nNothing could be judged\.\n$/);
});

test('--json prints the report and nothing else', async () => {
  const { exitCode, stdout, stderr } = await checkNaive('leaves no tombstone', true, '--json');
  const report: Report = JSON.parse(stdout);
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(report).toMatchObject({ verdict: 'violated', findings: [{ code: 'late_try_accepted' }] });
  expect(report.judged.length + report.notJudged.length).toBe(36);
});

test('a payload from a file, a path, secrets and a time-out are used', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-check-'));
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const { baseUrl, stop } = await startSampleParticipant({ secret });
  writeFileSync(join(folder, 'sample.json'), '{"item":"mug"}');
  try {
    const payload = ['--payload', `@${join(folder, 'sample.json')}`, '--observe', `${baseUrl}/numbers`];
    const signed = [
      ...payload,
      '--secret',
      secret,
      '--timeout-ms',
      '2000',
      '--path',
      'reserve/try=/reserve/try',
    ];
    expect(await tercet('check', baseUrl, '--activity', 'reserve', ...signed)).toMatchObject({
      exitCode: 0,
      stdout: `${SKIPPED}Passed: all 38 rules are kept.\n`,
    });
  } finally {
    await stop();
    rmSync(folder, { recursive: true });
  }
});

const ASKED = ['--activity', 'reserve', '--payload', '{}'];
const CHECK = ['check', 'http://127.0.0.1:4000', ...ASKED];

test.concurrent.each([
  [['--json'], 'the command is missing: write tercet check'],
  [['serve'], 'serve is no command'],
  [['check'], 'the base URL is missing'],
  [['check', 'http://127.0.0.1:4000'], '--activity is missing'],
  [['check', 'http://127.0.0.1:4000', '--activity', 'reserve'], '--payload is missing'],
  [[...CHECK, 'http://127.0.0.1:4001'], 'one base URL is checked at a time'],
  [[...CHECK, '--payload', '{'], '--payload { cannot be read'],
  [[...CHECK, '--payload', '@nowhere.json'], 'name a file with JSON'],
  [[...CHECK, '--path', 'reserve/try'], 'has no ='],
  [[...CHECK, '--timeout-ms', '5s'], 'is no whole number of milliseconds'],
  [[...CHECK, '--secret', 'x'], 'a secret begins with whsec_'],
  [
    [...CHECK, '--pattern', 'saga'],
    'there is no option --pattern, but --kind: give the kind that the participant declares, one of tcc, step,',
  ],
  [[...CHECK, '--kind', 'saga'], '--kind saga is not a kind: give the kind that the participant declares'],
  [[...CHECK, '--refused-payload', '{}'], 'a refused payload is for a pivot alone'],
  [[...CHECK, '--kind', 'pivot', '--refused-payload', '{'], '--refused-payload { cannot be read'],
  [[...CHECK, '--fast'], 'there is no option --fast: see below'],
  [[...CHECK, '--activty', 'reserve'], 'there is no option --activty: did you mean --activity?'],
  [[...CHECK, '--observed=http://127.0.0.1:1'], 'did you mean --observe?'],
])('wrong arguments: 2, with words and the usage: %j', async (args, words) => {
  const { exitCode, stdout, stderr } = await tercet(...args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(`tercet: `);
  expect(stderr).toContain(words);
  expect(stderr).toContain('tercet check <base-url>');
});

test.concurrent.each([
  [['check', `http://user:${MARKS.password}@127.0.0.1:1/tcc?token=${MARKS.token}#${MARKS.token}`, ...ASKED]],
  [['check', `http://:${MARKS.password}@127.0.0.1:1/tcc`, ...ASKED]],
  [['check', `htp://user:${MARKS.password}@127.0.0.1:1/tcc?token=${MARKS.token}`, ...ASKED]],
  [['check', `http://user:x/${MARKS.password}@127.0.0.1:1/tcc`, ...ASKED]],
  [['check', `127.0.0.1:1/tcc?token=${MARKS.token}`, ...ASKED]],
  [[`http://user:${MARKS.password}@127.0.0.1:1/tcc`, ...ASKED]],
  [[...CHECK, `http://user:${MARKS.password}@127.0.0.1:1/tcc?token=${MARKS.token}`]],
  [[...CHECK, '--observe', `http://user:${MARKS.password}@127.0.0.1:1/items`]],
  [[...CHECK, '--observe', `ftp://user:${MARKS.password}@127.0.0.1:1/items?token=${MARKS.token}`]],
  [[...CHECK, '--path', `reserve/try=http://user:${MARKS.password}@127.0.0.1:1/x?token=${MARKS.token}`]],
  [[...CHECK, '--path', `/x?token:${MARKS.token}`]],
])('wrong arguments: no user, password or query of an address is printed: %j', async (args) => {
  const { exitCode, stderr } = await tercet(...args);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^tercet: .+\n\ntercet check <base-url>/);
  expect(marksIn(stderr)).toEqual([]);
});

test.concurrent.each([
  ['nowhere', 404],
  ['text', 200],
  ['none', 200],
  ['', null],
])('no query of an address is printed where it is not answered as it should: /%s', async (path, status) => {
  const server = createServer((_request, response) => {
    response.writeHead(status ?? 200).end(path === 'none' ? '{}' : 'x');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${status === null ? 9 : (server.address() as AddressInfo).port}`;
  const observe = ['--observe', `${url}/${path}?token=${MARKS.token}`];
  const printed = [
    await tercet('check', url, ...ASKED, ...observe),
    await tercet('check', url, ...ASKED, '--path', `reserve/try=/${path}?token=${MARKS.token}`, '--json'),
  ].map(({ stdout, stderr }) => stdout + stderr);
  server.close();
  expect(printed[0]).toContain(`${url}/${path}?…`);
  expect(marksIn(printed.join())).toEqual([]);
});

test('without arguments it shows how it is used, and is not content: 2', async () => {
  const { exitCode, stdout, stderr } = await tercet();
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^tercet check <base-url>/);
});

test('the help says how much stock a check needs', async () => {
  expect((await tercet('--help')).stdout).toMatch(
    /at most so many times what the payload asks for:\ntcc 10, step 3, .*pivot 15/,
  );
});

test('--observe where nothing is: 2, and nothing is called', async () => {
  const { baseUrl, numbers, stop } = await startSampleParticipant();
  const args = ['--activity', 'reserve', '--payload', '{}', '--observe', `${baseUrl}/nowhere`];
  const { exitCode, stdout } = await tercet('check', baseUrl, ...args);
  await stop();
  expect({ exitCode, numbers }).toEqual({ exitCode: 2, numbers: { available: 100, reserved: 0, sold: 0 } });
  expect(stdout).toMatch(/\/nowhere was answered 404, not 200: .*--observe \(observeUrl\) names the address/);
  expect(stdout).toMatch(/\n\nNothing could be judged\.\n$/);
});

test('--help and --version answer on standard output: 0', async () => {
  const [help, version] = await Promise.all([tercet('--help'), tercet('--version')]);
  expect(help).toMatchObject({ exitCode: 0, stderr: '' });
  expect(help.stdout).toContain(
    'Exit code: 0 every rule is kept, with --observe none every rule that shows without numbers',
  );
  const { version: expected } = JSON.parse(readFileSync(join(sdk, 'package.json'), 'utf8'));
  expect(version).toEqual({ exitCode: 0, stdout: `${expected}\n`, stderr: '' });
});
