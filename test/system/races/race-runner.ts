/** Runs the races of one kind concurrently, and checks each of them. */
import { StartOffset } from './start-offset.ts';
import type { ReplicaPair, End } from './replica-pair.ts';
import type { RaceKind } from './race-kind.ts';
import { expectOneJournal, expectSameAtParticipants, expectAnswerHolds } from './answer-checks.ts';

const AT_ONCE_COUNT = 25;
/** Two bits of a race's number assign the roles to the replicas. Each of the four assignments has its own start offset. */
const PART_COUNT = 4;
/** Upper limit of the races of a kind, as a multiple of `raceCount`. */
const MOST_ROUNDS = 10;

/** How often each side won, and how often a save was lost. */
export type Tally = Readonly<Record<string, number>>;

/**
 * Runs races until there were `raceCount` of them, and each count of the tally is `leastCount` or more. How often
 * each side wins depends on the machine: on a slow one, finding a close start offset takes more races.
 */
export async function runRaces(
  pair: ReplicaPair,
  kind: RaceKind,
  { raceCount, leastCount }: { readonly raceCount: number; readonly leastCount: number },
): Promise<Tally> {
  const { sides: names, leadMs = 0, atOnceCount = AT_ONCE_COUNT } = kind;
  const offsets = Array.from({ length: PART_COUNT }, () => new StartOffset(leadMs));
  const winCounts: [number, number] = [0, 0];
  const ends: End[] = [];
  const lostBefore = await pair.lostSaveCount();

  const run = async (number: number) => {
    const [a, b] = pair.replicas;
    const sides = number % 2 === 0 ? ([a, b] as const) : ([b, a] as const);
    const [home, away] = number % 4 < 2 ? sides : [sides[1], sides[0]];
    const offset = offsets[number % PART_COUNT] as StartOffset;
    const { gid, answers, winner } = await kind.race({ pair, number, sides, home, away, offset });
    const end = await pair.endOf(gid);
    ends.push(end);
    for (const answer of answers) expectAnswerHolds(answer, end);
    await expectOneJournal(pair, end);
    const side = winner(end);
    offset.won(side);
    winCounts[side] += 1;
  };
  const tally = async (): Promise<Tally> => ({
    [`won by ${names[0]}`]: winCounts[0],
    [`won by ${names[1]}`]: winCounts[1],
    'lost saves': (await pair.lostSaveCount()) - lostBefore,
  });
  const isEnough = async () => Object.values(await tally()).every((count) => count >= leastCount);

  await inParallel(0, raceCount, atOnceCount, run);
  while (!(await isEnough()) && ends.length < MOST_ROUNDS * raceCount)
    await inParallel(ends.length, ends.length + raceCount / 4, atOnceCount, run);

  // Last, since a replica that lost may have called once more.
  for (const end of ends) expectSameAtParticipants(pair, end);
  return tally();
}

/** The first error ends it, when what is under way has ended. */
async function inParallel(
  from: number,
  to: number,
  atOnceCount: number,
  run: (number: number) => Promise<void>,
) {
  const errors: unknown[] = [];
  let number = from;
  const runSome = async () => {
    while (number < to && errors.length === 0) {
      number += 1;
      await run(number - 1).catch((error) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: atOnceCount }, runSome));
  if (errors.length > 0) throw errors[0];
}
