/**
 * Two replicas on one MySQL, which know nothing of each other: hundreds of real races of each kind, run many at once.
 *
 * The two requests of a race are sent at the same moment, one to each replica. Whoever wins, every client is told the
 * truth (truth.ts), each side wins now and then, and saves are really lost: the races met in the database.
 */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeOn } from '../../support/servers.ts';
import { type Arena, openArena } from './arena.ts';
import { beginnings } from './beginnings.ts';
import { decisions } from './decisions.ts';
import { registrations } from './registrations.ts';
import { runKind } from './run-kind.ts';
import { confirmWhileStopped } from './stopped.ts';
import { beginDeclared, confirmInteractive, TOLD_WITHIN_MS, waitAtBoth } from './waiting.ts';

const RACE_COUNT = 200;
/** Of the races of a kind: how often each side wins, and how often a save is lost, at the least. */
const LEAST_COUNT = RACE_COUNT * 0.05;
/** Bounds a hang. */
const LIMIT_MS = 900_000;

describeOn(['mysql'], 'two replicas on one database', (server) => {
  let arena: Arena;

  beforeAll(async () => {
    arena = await openArena(server);
    await arena.start();
  }, LIMIT_MS);
  afterEach(async () => {
    expect(await arena.complaints()).toEqual([]);
  });
  afterAll(() => arena?.close(), LIMIT_MS);

  test.each([...decisions, ...registrations, ...beginnings].map((kind) => [kind.title, kind] as const))(
    `answer the truth in ${RACE_COUNT} races or more of %s`,
    async (_title, kind) => {
      const tally = await runKind(arena, kind, { raceCount: RACE_COUNT, leastCount: LEAST_COUNT });
      expect(Object.entries(tally).filter(([, count]) => count < LEAST_COUNT)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'tell a client that waits at the one what the other ended',
    async () => {
      const waits = [beginDeclared, confirmInteractive].flatMap((wait) =>
        Array.from({ length: 20 }, (_, number) => waitAtBoth(arena, wait, number)),
      );
      await Promise.all(waits);
    },
    TOLD_WITHIN_MS,
  );

  test(
    'confirm nothing at the one that stood still beyond the deadline',
    () => confirmWhileStopped(arena, 10),
    LIMIT_MS,
  );
});
