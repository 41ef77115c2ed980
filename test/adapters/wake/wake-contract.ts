/** What every wake queue promises, on the machine's own clock. Nothing is asserted of how long anything takes. */
import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import type { WakeQueue } from '../../../src/application/ports.ts';
import { until } from './until.ts';

/** Later than a wake takes to be armed, also on a slow machine. */
const AHEAD_MS = 1500;

/** @param make a new, whole queue; two of one suite may share what wakes them */
export function wakeContract(make: (onWake: (gid: string) => void) => Promise<WakeQueue>): void {
  const made: WakeQueue[] = [];

  async function queue(onWake: (gid: string) => void): Promise<WakeQueue> {
    const wakes = await make(onWake);
    made.push(wakes);
    return wakes;
  }

  /** A queue, and the gids that it woke, in order. */
  async function recorded(): Promise<{ wakes: WakeQueue; woken: string[] }> {
    const woken: string[] = [];
    return { wakes: await queue((gid) => woken.push(gid)), woken };
  }

  afterEach(async () => {
    for (const wakes of made.splice(0)) await wakes.close();
  });

  test('a gid is woken in the order of the times, not of the arming', async () => {
    const { wakes, woken } = await recorded();
    const [first, soon, later] = [randomUUID(), randomUUID(), randomUUID()];
    const now = Date.now();
    wakes.wakeAt(later, 1, now + 3_600_000, 'call');
    wakes.wakeAt(soon, 1, now + AHEAD_MS, 'call');
    wakes.wakeAt(first, 1, now + 50, 'call');
    await until(() => woken.includes(soon));
    expect(woken).toEqual([first, soon]);
  });

  test('what is overdue is woken at once, for a deadline and for a call', async () => {
    const { wakes, woken } = await recorded();
    const [deadline, call] = [randomUUID(), randomUUID()];
    wakes.wakeAt(deadline, 1, Date.now() - 1000, 'deadline');
    wakes.wakeAt(call, 1, Date.now() - 1000, 'call');
    await until(() => woken.length === 2);
    expect(new Set(woken)).toEqual(new Set([deadline, call]));
  });

  test('no wake swallows another of the same gid: another time or another row', async () => {
    const { wakes, woken } = await recorded();
    const gid = randomUUID();
    const when = Date.now() + 50;
    wakes.wakeAt(gid, 1, when, 'call');
    wakes.wakeAt(gid, 1, when + 100, 'call');
    wakes.wakeAt(gid, 2, when, 'call');
    wakes.wakeAt(gid, 3, when - 30, 'deadline');
    await until(() => woken.length === 4);
  });

  test('the same wake armed twice wakes once', async () => {
    const { wakes, woken } = await recorded();
    const [twice, last] = [randomUUID(), randomUUID()];
    const when = Date.now() + AHEAD_MS;
    wakes.wakeAt(twice, 1, when, 'call');
    wakes.wakeAt(twice, 1, when, 'call');
    wakes.wakeAt(last, 1, when + 200, 'call');
    await until(() => woken.includes(last));
    expect(woken).toEqual([twice, last]);
  });

  test('who is woken can arm the successor of the very wake: of the same row, and even of the same time', async () => {
    const gid = randomUUID();
    const when = Date.now() + 50;
    let count = 0;
    const wakes = await queue(() => {
      count += 1;
      if (count === 1) wakes.wakeAt(gid, 1, when, 'call');
      if (count === 2) wakes.wakeAt(gid, 1, Date.now() + 50, 'call');
    });
    wakes.wakeAt(gid, 1, when, 'call');
    await until(() => count === 3);
  });

  test('all of a crowd are woken that is armed in one moment', async () => {
    const { wakes, woken } = await recorded();
    const crowd = Array.from({ length: 1200 }, () => randomUUID());
    for (const gid of crowd) wakes.wakeAt(gid, 1, Date.now() + 50, 'call');
    await until(() => woken.length >= crowd.length);
    expect(new Set(woken)).toEqual(new Set(crowd));
  });

  test('a closed one takes and gives no more wakes, and can be closed again', async () => {
    const { wakes, woken } = await recorded();
    const other = await recorded();
    const when = Date.now() + AHEAD_MS;
    wakes.wakeAt(randomUUID(), 1, when, 'call');
    await wakes.close();
    await wakes.close();
    // On a slow machine its time may have come before it was closed.
    const wokenBefore = [...woken];
    wakes.wakeAt(randomUUID(), 1, Date.now(), 'call');
    const last = randomUUID();
    other.wakes.wakeAt(last, 1, when + 200, 'call');
    await until(() => other.woken.includes(last));
    expect(woken).toEqual(wokenBefore);
  });
}
