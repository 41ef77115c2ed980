/**
 * The books: money and stock before and after, and whether they are right.
 *
 * Right means, for every line of every participant: nothing is still set aside, exactly what was bought is gone, and what
 * is available and what is gone make up what there was. A demo that only showed numbers would prove nothing.
 */
import { centsOf, type Order } from './order.ts';
import { money } from './paper.ts';
import type { Numbers, Participant } from './participants.ts';

export type Books = ReadonlyMap<string, readonly Numbers[]>;

export async function readBooks(participants: readonly Participant[]): Promise<Books> {
  return new Map(
    await Promise.all(participants.map(async (one) => [one.name, await one.numbers()] as const)),
  );
}

/** A line for each sum that is wrong; empty when all are right. */
export function wrongSums(before: Books, after: Books, bought: readonly Order[]): string[] {
  return eachLine(before, after).flatMap(({ participant, was, is }) => {
    const goneNow = goneOf(participant, was.name, bought);
    const [wasThere] = amounts(was);
    const should = [wasThere - goneNow, 0, goneNow];
    return columnsOf(is).flatMap((column, index) => {
      const [have, want] = [amounts(is)[index] ?? Number.NaN, should[index] ?? Number.NaN];
      if (have === want) return [];
      const text = (amount: number) => amountText(participant, amount);
      return [`${participant}: ${is.name} has ${text(have)} ${column}, and should have ${text(want)}`];
    });
  });
}

export function tables(before: Books, after: Books): string[] {
  const lines: string[] = [];
  for (const { participant, was, is } of eachLine(before, after)) {
    const row = (first: string, cells: readonly string[]) =>
      `  ${first.padEnd(24)}${cells.map((cell) => cell.padStart(11)).join('')}`;
    const cells = (numbers: Numbers) => amounts(numbers).map((amount) => amountText(participant, amount));
    if (!lines.some((line) => line.startsWith(`  ${participant} `)))
      lines.push(row(participant, columnsOf(is)));
    lines.push(row(`    ${is.name}, before`, cells(was)), row(`    ${is.name}, after`, cells(is)));
  }
  return lines;
}

/** What the confirmed orders took from this line. */
function goneOf(participant: string, name: unknown, bought: readonly Order[]): number {
  const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
  if (participant === 'inventory')
    return sum(bought.filter(({ item }) => item === name).map(({ quantity }) => quantity));
  if (participant === 'payment') return sum(bought.filter(({ customer }) => customer === name).map(centsOf));
  return bought.length;
}

function eachLine(before: Books, after: Books) {
  return [...after].flatMap(([participant, lines]) =>
    lines.flatMap((is) => {
      const was = before.get(participant)?.find(({ name }) => name === is.name);
      return was ? [{ participant, was, is }] : [];
    }),
  );
}

const columnsOf = (numbers: Numbers): string[] => Object.keys(numbers).filter((key) => key !== 'name');

const amounts = (numbers: Numbers): [number, number, number] => {
  const [available, setAside, gone] = columnsOf(numbers).map((column) => Number(numbers[column]));
  return [available ?? Number.NaN, setAside ?? Number.NaN, gone ?? Number.NaN];
};

const amountText = (participant: string, amount: number): string =>
  participant === 'payment' ? money(amount) : String(amount);
