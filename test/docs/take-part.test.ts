// The pages for newcomers are done as they are written, in an empty folder, with the SDK as it is packed and real servers.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../../scripts/servers/free-port.ts';
import { Child } from '../../examples/demo/children.ts';
import { describeOn } from '../support/servers.ts';
import { cloneInto } from '../support/clone.ts';
import { blocksOf } from './page-blocks.ts';
import { PageRunner } from './page-runner.ts';

/** It packs, and installs from a registry, on a machine that has other tests to run. */
const PAGE_TIMEOUT_MS = 240_000;

const PAGE = 'docs/take-part.md';
const SDK_PAGE = 'sdk/README.md';
const CONTRACT_PAGE = 'docs/participants.md';

describeOn(['mysql'], 'an empty folder', (server) => {
  const home = mkdtempSync(join(tmpdir(), 'tercet-take-part-'));
  const coordinator = new Child(
    {
      name: 'coordinator',
      file: 'src/main.ts',
      settings: (port) => ({
        TERCET_PORT: String(port),
        TERCET_DATABASE_URL: `sqlite:${join(home, 'tercet.sqlite')}`,
        NODE_OPTIONS: '',
      }),
    },
    home,
  );
  let reader: PageRunner;
  let participantUrl: string;

  beforeAll(async () => {
    await coordinator.start();
    cloneInto(join(home, 'tercet'));
    const port = String(await freePort('127.0.0.1'));
    participantUrl = `http://127.0.0.1:${port}`;
    reader = new PageRunner({
      home,
      replaced: {
        'mysql://root@127.0.0.1:3306/shop': await server.createDatabase(),
        'http://127.0.0.1:8080': coordinator.url,
        'http://127.0.0.1:3000': participantUrl,
        'listen(3000,': `listen(${port},`,
        '~/tercet': join(home, 'tercet'),
      },
    });
  }, PAGE_TIMEOUT_MS);

  afterAll(async () => {
    await reader?.stop();
    await coordinator.stop();
    rmSync(home, { recursive: true, force: true });
  });

  test.each([PAGE, SDK_PAGE])(
    '%s comes, block by block, to what it promises',
    async (page) => {
      const blocks = blocksOf(page);
      expect(blocks.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['file', 'run', 'keep']));
      for (const block of blocks) await reader.do(block);
    },
    PAGE_TIMEOUT_MS,
  );

  test(
    `the migration of ${PAGE} may be run again`,
    async () => {
      expect(await reader.evaluate("await import('./migrate.mjs');")).toBe('');
    },
    PAGE_TIMEOUT_MS,
  );

  test(`${CONTRACT_PAGE} begins, tries and confirms without the SDK`, () => {
    const known = {
      'http://127.0.0.1:8080': coordinator.url,
      'http://127.0.0.1:3000': participantUrl,
    };
    const [begin = '', ...others] = initiatorRequests();
    expect(others).toHaveLength(3);
    const begun = JSON.parse(answerTo(begin, known));
    const [registered, , confirmed] = others.map((request) =>
      answerTo(request, { ...known, GID: begun.gid, DEADLINE_AT: begun.deadlineAt }),
    );
    expect(JSON.parse(registered ?? '')).toMatchObject({
      status: 'trying',
      branches: [{ branchId: 'stock' }],
    });
    expect(JSON.parse(confirmed ?? '')).toMatchObject({ gid: begun.gid, status: 'confirmed' });
  });

  test(
    `what ${SDK_PAGE} says is where, is there, for import and require`,
    async () => {
      const imported = await reader.evaluate(
        `for (const [from, names] of ${JSON.stringify(exportsTold())}) {
          const module = await import(from, from.endsWith('.json') ? { with: { type: 'json' } } : {});
          for (const name of names) if (!(name in module)) console.log(name, 'is not in', from);
          require(from);
        }`,
      );
      expect(imported).toBe('');
      const { exports } = JSON.parse(read('sdk/package.json'));
      expect(exportsTold().map(([from]) => from.replace('@tercet/sdk', '.'))).toEqual(
        Object.keys(exports).filter((path) => path !== './package.json'),
      );
    },
    PAGE_TIMEOUT_MS,
  );
});

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

/** One a comment with a number. */
function initiatorRequests(): readonly string[] {
  const [, block = ''] = /^```sh initiator\n(.*?)^```$/ms.exec(read(CONTRACT_PAGE)) ?? [];
  return block.split(/^(?=# \d)/m);
}

/** @throws Error when curl ends otherwise than with a success */
function answerTo(request: string, given: Readonly<Record<string, string>>): string {
  const text = Object.entries(given).reduce((all, [from, to]) => all.replaceAll(from, to), request);
  const commands = text.replaceAll(/^curl /gm, 'curl --silent --show-error --fail-with-body ');
  return execFileSync('sh', ['-e', '-c', commands], { encoding: 'utf8' });
}

/** By row of the table: what is imported, and the names that it is said to have. */
function exportsTold(): readonly (readonly [from: string, names: readonly string[]])[] {
  const [, table = ''] = /<!-- exports: begin -->(.*)<!-- exports: end -->/s.exec(read(SDK_PAGE)) ?? [];
  return [...table.matchAll(/^\| `(.+?)` \| (.+) \|$/gm)].map(([, from = '', words = '']) => {
    const names = [...words.matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name ?? '');
    return [from, names];
  });
}
