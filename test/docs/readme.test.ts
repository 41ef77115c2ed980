/** What the README tells a newcomer to paste, the first transaction and the first saga, is pasted, and comes to what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../../scripts/servers/free-port.ts';
import { Child } from '../../examples/demo/children.ts';
import { describeInPython } from '../support/in-python.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
/** Bounds a hang. */
const LIMIT_MS = 480_000;

/** Its services go on until its input ends: at the latest when this test is gone, even by kill -9. */
const UNTIL_INPUT_ENDS = 'sh -e -c "$1"; cat > /dev/null; kill -9 0';
const END = 'all was pasted';

describeInPython('the README', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-readme-'));
  const coordinator = new Child(
    {
      name: 'coordinator',
      file: 'src/main.ts',
      settings: (port) => ({
        TERCET_PORT: String(port),
        TERCET_DATABASE_URL: `sqlite:${join(folder, 'tercet.sqlite')}`,
      }),
    },
    folder,
  );
  let shell: ChildProcess | null = null;
  let lines: readonly string[] = [];

  beforeAll(async () => {
    await coordinator.start();
    const ports = await Promise.all(
      [9001, 9002, 9003].map(async (told) => [told, await freePort('127.0.0.1')] as const),
    );
    const commands = ports.reduce(
      (text, [told, port]) => text.replaceAll(String(told), String(port)),
      [...commandsUnder('A first transaction'), ...commandsUnder('A first saga')]
        .join('\n')
        .replaceAll('localhost:8080', coordinator.url)
        .replaceAll(/^curl /gm, 'curl --silent --show-error '),
    );
    const pasted = spawn('sh', ['-c', UNTIL_INPUT_ENDS, 'sh', `${commands}\necho '${END}'`], {
      cwd: repository,
      env: { ...process.env, TMPDIR: folder },
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    shell = pasted;
    lines = await linesUntilEnd(pasted);
  }, LIMIT_MS);

  afterAll(async () => {
    if (shell !== null && shell.exitCode === null && shell.signalCode === null) {
      const ended = once(shell, 'exit');
      shell.stdin?.end();
      await ended;
    }
    await coordinator.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('has a first transaction that is confirmed, and two sagas, of which one is undone', () => {
    const ends = lines.filter((line) => line.startsWith('{"gid"')).map((line) => JSON.parse(line));
    expect(ends).toMatchObject([
      { pattern: 'tcc', status: 'confirmed' },
      { pattern: 'saga', status: 'confirmed' },
      { pattern: 'saga', status: 'cancelled', decision: { reason: 'action_refused', branchId: 'charge' } },
    ]);
  });

  test('leaves the mugs and the money as it says', () => {
    const [inventory, payment] = lines.filter((line) => line.startsWith('[')).map((line) => JSON.parse(line));
    expect(inventory).toContainEqual({ name: 'mug', available: 96, reserved: 0, sold: 4 });
    expect(payment).toContainEqual({ name: 'ann', cents: 7500, spent: 2500 });
  });
});

/** The blocks that are for a shell, under one heading. */
function commandsUnder(heading: string): readonly string[] {
  const page = readFileSync(join(repository, 'README.md'), 'utf8');
  const [section = ''] = page.split(/^## /m).filter((part) => part.startsWith(`${heading}\n`));
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands ?? '');
  if (blocks.length === 0) throw new Error(`README.md has nothing to paste under “${heading}”`);
  return blocks;
}

async function linesUntilEnd({ stdout }: ChildProcess): Promise<readonly string[]> {
  let printed = '';
  for await (const chunk of stdout ?? []) {
    printed += String(chunk);
    if (printed.includes(`${END}\n`)) return printed.split('\n');
  }
  throw new Error(`a line that was pasted has failed after:\n${printed}`);
}
