/**
 * Two replicas on one MySQL, each without knowledge of the other: hundreds of real races of each kind, run concurrently.
 *
 * The two requests of a race are sent at the same moment, one to each replica. Every answer agrees
 * with the end (answer-checks.ts), each side wins some races, and saves are lost to the other replica in the database.
 *
 * Proves I2, I3, I5, I6, I8, I12 and I13.
 */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeOn } from '../../support/servers.ts';
import { type ReplicaPair, openReplicaPair } from './replica-pair.ts';
import { beginRaces } from './begin-races.ts';
import { decisionRaces } from './decision-races.ts';
import { registrationRaces } from './registration-races.ts';
import { runRaces } from './race-runner.ts';
import { confirmWhileSuspended } from './suspended-replica.ts';
import { beginDeclared, confirmInteractive, TOLD_WITHIN_MS, waitAtBoth } from './waiting-clients.ts';

const RACE_COUNT = 200;
/** Of the races of a kind: how often each side wins, and how often a save is lost, at the least. */
const LEAST_COUNT = RACE_COUNT * 0.05;
/** Bounds a hang. */
const LIMIT_MS = 900_000;

describeOn(['mysql'], 'two replicas on one database', (server) => {
  let pair: ReplicaPair;

  beforeAll(async () => {
    pair = await openReplicaPair(server);
    await pair.start();
  }, LIMIT_MS);
  afterEach(async () => {
    expect(await pair.violations()).toEqual([]);
  });
  afterAll(() => pair?.close(), LIMIT_MS);

  test.each(
    [...decisionRaces, ...registrationRaces, ...beginRaces].map((kind) => [kind.title, kind] as const),
  )(
    `answer the truth in ${RACE_COUNT} races or more of %s`,
    async (_title, kind) => {
      const tally = await runRaces(pair, kind, { raceCount: RACE_COUNT, leastCount: LEAST_COUNT });
      expect(Object.entries(tally).filter(([, count]) => count < LEAST_COUNT)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'tell a client that waits at the one what the other ended',
    async () => {
      const waits = [beginDeclared, confirmInteractive].flatMap((wait) =>
        Array.from({ length: 20 }, (_, number) => waitAtBoth(pair, wait, number)),
      );
      await Promise.all(waits);
    },
    TOLD_WITHIN_MS,
  );

  test(
    'confirm nothing at the one that stood still beyond the deadline',
    () => confirmWhileSuspended(pair, 10),
    LIMIT_MS,
  );
});
