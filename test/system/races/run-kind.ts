/** Runs the races of one kind, many at once, and checks each of them. */
import { Aim } from './aim.ts';
import type { Arena, End } from './arena.ts';
import type { Kind } from './kind.ts';
import { expectOneJournal, expectSameAtParticipants, expectTrue } from './truth.ts';

const AT_ONCE_COUNT = 25;
/** Two bits of a race's number say which replica has which part; each of the four has an aim of its own. */
const PART_COUNT = 4;
/** So many times the races of a kind, none that meet any more are hoped for. */
const MOST_ROUNDS = 10;

/** How often each side won, and how often a save was lost. */
export type Tally = Readonly<Record<string, number>>;

/**
 * Runs races until there were `raceCount` of them, and each count of the tally is `leastCount` or more. Who wins how often
 * depends on the machine: an aim needs more races to find close ones on a slow one.
 */
export async function runKind(
  arena: Arena,
  kind: Kind,
  { raceCount, leastCount }: { readonly raceCount: number; readonly leastCount: number },
): Promise<Tally> {
  const { sides: names, leadMs = 0, atOnceCount = AT_ONCE_COUNT } = kind;
  const aims = Array.from({ length: PART_COUNT }, () => new Aim(leadMs));
  const winCounts: [number, number] = [0, 0];
  const ends: End[] = [];
  const lostBefore = await arena.lostSaveCount();

  const run = async (number: number) => {
    const [a, b] = arena.replicas;
    const sides = number % 2 === 0 ? ([a, b] as const) : ([b, a] as const);
    const [home, away] = number % 4 < 2 ? sides : [sides[1], sides[0]];
    const aim = aims[number % PART_COUNT] as Aim;
    const { gid, answers, winner } = await kind.race({ arena, number, sides, home, away, aim });
    const end = await arena.endOf(gid);
    ends.push(end);
    for (const answer of answers) expectTrue(answer, end);
    await expectOneJournal(arena, end);
    const side = winner(end);
    aim.won(side);
    winCounts[side] += 1;
  };
  const tally = async (): Promise<Tally> => ({
    [`won by ${names[0]}`]: winCounts[0],
    [`won by ${names[1]}`]: winCounts[1],
    'lost saves': (await arena.lostSaveCount()) - lostBefore,
  });
  const isEnough = async () => Object.values(await tally()).every((count) => count >= leastCount);

  await inParallel(0, raceCount, atOnceCount, run);
  while (!(await isEnough()) && ends.length < MOST_ROUNDS * raceCount)
    await inParallel(ends.length, ends.length + raceCount / 4, atOnceCount, run);

  // Last, since a replica that lost may have called once more.
  for (const end of ends) expectSameAtParticipants(arena, end);
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
