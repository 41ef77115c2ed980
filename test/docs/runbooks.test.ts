/** Every command of docs/runbooks.md is run, in the order of the page, while a cancel fails and waits for an operator. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CoordinatorProcess } from '../support/coordinator-process.ts';
import { until } from '../support/until.ts';

/** Bounds a hang. */
const LIMIT_MS = 480_000;
const TOKEN = 'a-token-of-the-test';

type Command = { readonly section: string; readonly text: string };

/** As they are pasted: without the indentation that they have in a list. */
const commands: readonly Command[] = readFileSync(new URL('../../docs/runbooks.md', import.meta.url), 'utf8')
  .split(/^## /m)
  .flatMap((text) =>
    [...text.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)].map(([, indent = '', lines = '']) => ({
      section: text.split('\n', 1)[0] ?? '',
      text: lines.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    })),
  );
const [preparation = '', variables = ''] = commands.filter(isPreparation).map(({ text }) => text);

function isPreparation({ text }: Command): boolean {
  return /^export (?:TERCET|PARTICIPANT)=/.test(text);
}

const hasTools = ['curl', 'jq'].every((tool) => spawnSync(tool, ['--version']).status === 0);

// Under CI the page must be proven, so a missing tool is a failure there.
(hasTools || process.env.CI ? describe : describe.skip)('the runbooks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-runbooks-'));
  let participant: Server;
  let coordinator: CoordinatorProcess;
  let gid = '';
  let gids: readonly string[] = [];

  beforeAll(async () => {
    participant = createServer((request, response) => {
      request.resume();
      response.writeHead({ try: 409, cancel: 404 }[String(request.headers['tcc-op'])] ?? 200).end();
    });
    await new Promise<void>((resolve) => participant.listen(0, '127.0.0.1', resolve));
    coordinator = new CoordinatorProcess({
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: `sqlite:${join(folder, 'tercet.sqlite')}`,
      TERCET_API_TOKENS: TOKEN,
      TERCET_RETRY_BUDGET_MS: '1',
      TERCET_RETRY_FIRST_DELAY_MS: '1',
      TERCET_RETRY_MAX_DELAY_MS: '1',
      TERCET_ATTENTION_AFTER_MS: '1',
    });
    await coordinator.start();
    await ask('PUT', '/v1/participants/inventory', { baseUrl: urlOf(participant) });
    const before = await begin();
    gid = await begin();
    gids = [before, gid];
    await areParked();
  }, LIMIT_MS);
  afterAll(async () => {
    await coordinator.remove();
    await new Promise((resolve) => participant.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const answer = await fetch(coordinator.url + path, {
      method,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as Record<string, unknown>;
  }

  async function paste(text: string, replacements: readonly (readonly string[])[] = []): Promise<string> {
    const logPath = join(folder, 'tercet.log');
    writeFileSync(logPath, coordinator.printed);
    const script = [preparation, variables, text].join('\n');
    const inThisRun = [
      ['http://tercet.internal:8080', coordinator.url],
      ['0123456789abcdef', TOKEN],
      ['01890a5d-ac96-774b-bcce-b302099a8057', gid],
      ['http://inventory.internal:9000', urlOf(participant)],
      ['/var/log/tercet/*.log', logPath],
      ...replacements,
    ].reduce((pasted, [from = '', to = '']) => pasted.replaceAll(from, to), script);
    return (await promisify(execFile)('sh', ['-e', '-c', inThisRun])).stdout;
  }

  async function begin(): Promise<string> {
    const branches = [{ branchId: 'stock', participant: 'inventory', activity: 'reserve', payload: {} }];
    return String((await ask('POST', '/v1/transactions', { branches })).gid);
  }

  const isParked = (one: string) => async () =>
    (await ask('GET', `/v1/transactions/${one}`)).isParked === true;

  const areParked = () => Promise.all(gids.map((one) => until(`${one} is parked`, isParked(one))));

  const pasted = (section: string, part: string): string =>
    commands.find((command) => command.section === section && command.text.includes(part))?.text ?? '';

  test('prepare a shell with the address, the token and the names that the commands use', () => {
    expect(preparation).toContain('tercet() {');
    expect(variables).toContain('export GID=');
  });

  test.each(commands.filter((command) => !isPreparation(command)))('$section: $text', async ({ text }) => {
    await expect(paste(text)).resolves.toBeDefined();
  });

  test.each([
    'TercetNeedsAttention',
    'TercetParked',
    'TercetCompensationFailing',
    'TercetOldestUnfinished',
  ])('list the transaction in question under %s, and say why it waits', async (section) => {
    await areParked();
    const lists = commands.filter(
      (command) => command.section === section && /@tsv|explanations/.test(command.text),
    );
    const printed = (await Promise.all(lists.map(({ text }) => paste(text)))).join('');
    expect(printed).toContain(gid);
    expect(printed).toContain(
      'waiting for inventory to recover or for an operator to fix it: to cancel branch “stock”',
    );
  });

  test('list every transaction, page by page', async () => {
    await areParked();
    const printed = await paste(pasted('Commands', 'pages "participant'), [['limit=200', 'limit=1']]);
    expect(gids.map((one) => printed.split(one).length - 1)).toEqual([1, 1]);
  });

  test.each([
    'TercetNeedsAttention',
    'TercetParked',
    'Commands',
  ])('count the calls in question under %s by participant, op and answer', async (section) => {
    await areParked();
    const printed = await paste(pasted(section, 'uniq -c'));
    expect(printed.trim().split(/\s+/)).toEqual(['2', 'inventory', 'cancel', '404', 'parked']);
  });

  test('say where a participant was called before', async () => {
    const moved = `${urlOf(participant)}/moved`;
    await ask('PUT', '/v1/participants/inventory', { baseUrl: moved });
    // The line may be written after the answer.
    await until('the line is in the log', () => coordinator.printed.includes(moved));
    const lines = (await paste(pasted('Answers', 'participant registered'))).trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      participant: 'inventory',
      base_urls: moved,
      former_base_urls: urlOf(participant),
    });
  });
});

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
