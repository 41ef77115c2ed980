/**
 * The demo: a shop whose orders span three services, and what Tercet makes of them when things go wrong. An order is a tcc, a
 * gift is a saga.
 *
 *   npm run demo                                  six orders and two gifts, in about thirteen seconds
 *   npm run demo -- --keep                        the same, and the shop stays open for your own requests
 *   npm run demo -- --without-barrier payment     what a participant without a barrier does to the sums
 *
 * Everything runs here: a coordinator on SQLite and three participants, on free ports, in a temporary folder that is
 * removed in the end; only a SIGKILL leaves the folder. Exit code 0 means that every order and gift ended as it must, that no
 * step was done or undone too early, and that every sum is right; 1 that something is not; 130 that it was interrupted; 2
 * that it was asked for something it does not know.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAsked } from './demo/asked.ts';
import { readBooks, tables, wrongSums } from './demo/books.ts';
import { invitation } from './demo/invitation.ts';
import { bold, green, red, write } from './demo/paper.ts';
import { effectsOf } from './demo/participants.ts';
import { rollback } from './demo/rollback.ts';
import { Shop } from './demo/shop.ts';
import { wrongOrder } from './demo/step-order.ts';
import { stories } from './demo/stories.ts';
import type { Story } from './demo/story.ts';
import type { Transaction } from './demo/tercet.ts';
import { type Line, timeline } from './demo/timeline.ts';

const { keep, withoutBarrier } = readAsked();
const folder = await mkdtemp(join(tmpdir(), 'tercet-demo-'));
const shop = new Shop(folder, withoutBarrier);
let isLeaving = false;
const interrupted = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
// npm passes a Ctrl-C on that the terminal has sent already: the second one must not cut the leaving short.
for (const [signal, exitCode] of Object.entries(interrupted))
  process.on(signal, () => isLeaving || void leave(exitCode));
// Whoever read has gone, as in `npm run demo | head`.
process.stdout.on('error', () => void leave(1));

try {
  const isRight = await run();
  if (keep) await new Promise(() => setInterval(() => {}, 60_000));
  await leave(isRight ? 0 : 1);
} catch (error) {
  // A story that ends because its children were stopped has nothing to say.
  if (isLeaving) await new Promise(() => {});
  // The logs tell why, so this once the folder stays.
  process.stderr.write(`The demo could not go on: ${describe(error)}\nIts logs are in ${folder}\n`);
  await shop.close();
  process.exit(1);
}

/** Leaves nothing behind: no child, no file. */
async function leave(exitCode: number): Promise<void> {
  isLeaving = true;
  await shop.close();
  await rm(folder, { recursive: true, force: true });
  process.exit(exitCode);
}

/** Answers whether all is right. */
async function run(): Promise<boolean> {
  await shop.open();
  write(`The shop is open: a coordinator at ${shop.coordinator.url}, and inventory, payment and shipping.`);
  if (withoutBarrier) write(red(`${withoutBarrier} runs without its barrier, so its sums will be wrong.`));
  const before = await readBooks(shop.participants);
  const wrongEnds = await tellAll();
  const after = await readBooks(shop.participants);
  const bought = stories.filter(({ endsAs }) => endsAs === 'confirmed').map(({ order }) => order);
  const wrong = [...wrongEnds, ...wrongSums(before, after, bought)];
  write('', bold('Stock and money, before and after'), ...tables(before, after), '');
  if (wrong.length === 0) write(green(verdict(bought.length)));
  else write(...wrong.map((line) => red(`WRONG  ${line}`)));
  if (keep) write('', ...invitation(shop));
  return wrong.length === 0;
}

async function tellAll(): Promise<string[]> {
  const wrong: string[] = [];
  for (const [index, story] of stories.entries()) {
    write('', bold(`${index + 1}. ${story.title}`));
    wrong.push(...(await tell(story)));
  }
  return wrong;
}

/** Answers what is wrong with it: nothing, mostly. */
async function tell(story: Story): Promise<string[]> {
  const { order, steps } = story;
  const deeds: Line[] = [];
  const ended = await story.tell(shop, order, (what) =>
    deeds.push({ at: Date.now(), who: 'the demo', what }),
  );
  const events = await shop.tercet.events(ended.gid);
  const effects = await effectsOf(shop.participants, ended.gid);
  const details = await shop.tercet.find(ended.gid);
  write(...timeline(events, effects, deeds), ...rollback(details));
  const outOfOrder = wrongOrder(steps?.(order) ?? [], effects);
  return [...wrongEnd(story, ended), ...outOfOrder.map((what) => `order ${order.number}: ${what}`)];
}

function wrongEnd({ order, endsAs, reason }: Story, { status, decision }: Transaction): string[] {
  if (status === endsAs && decision?.reason === reason) return [];
  return [
    `order ${order.number} ended ${status} (${decision?.reason}), and should have ended ${endsAs} (${reason})`,
  ];
}

function verdict(boughtCount: number): string {
  const traceless = stories.length - boughtCount;
  return `Right: ${boughtCount} orders are paid, sold and shipped, ${traceless} left no trace, and nothing is still set aside.`;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${describe(error.cause)})`;
}
