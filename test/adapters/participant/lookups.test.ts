// Looking up names: shared by all that ask for one, few at once, and silent names delay no other for long.
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import { LOOKUP_TIMEOUT_MS, Lookups } from '../../../src/adapters/participant/lookups.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

type Callback = (error: Error | null, found: LookupAddress[]) => void;
const FOUND = [{ address: '10.0.0.1', family: 4 }];

let clock: VirtualClock;
/** Look-ups that the resolver has not answered, oldest first. */
let running: { name: string; answer: Callback }[];
/** What the DNS servers were asked directly, and have not answered. */
let asked: { name: string; answer: (found: LookupAddress[] | null) => void }[];
let lookups: Lookups;
/** What askers were answered. */
let answers: string[];

beforeEach(() => {
  clock = new VirtualClock();
  [running, answers] = [[], []];
  asked = [];
  lookups = new Lookups(
    (name, _options, callback) => {
      running.push({ name, answer: callback as Callback });
    },
    clock,
    (name, answer) => asked.push({ name, answer }),
  );
});

const find = (name: string) =>
  lookups.find(name, (error, found) => {
    answers.push(error ? error.message : `${name} is ${found.map(({ address }) => address).join()}`);
  });
const runningNames = () => running.map(({ name }) => name);

function resolverAnswers(name: string, error: Error | null = null, found = FOUND): void {
  const [one] = running.splice(
    running.findIndex((other) => other.name === name),
    1,
  );
  one!.answer(error, found);
}

describe('a look-up', () => {
  test('of a name is shared by all that ask for it meanwhile', () => {
    for (let count = 0; count < 3; count += 1) find('stock.test');
    expect(runningNames()).toEqual(['stock.test']);
    resolverAnswers('stock.test');
    expect(answers).toEqual(Array(3).fill('stock.test is 10.0.0.1'));
    find('stock.test');
    expect(runningNames()).toEqual(['stock.test']);
  });

  test('is one of two at most, and the others follow in their order', () => {
    for (const name of ['a.test', 'b.test', 'c.test', 'd.test']) find(name);
    expect(runningNames()).toEqual(['a.test', 'b.test']);
    resolverAnswers('b.test');
    expect(runningNames()).toEqual(['a.test', 'c.test']);
    resolverAnswers('a.test', new Error('queryA ENOTFOUND a.test'));
    expect(runningNames()).toEqual(['c.test', 'd.test']);
    expect(answers).toEqual(['b.test is 10.0.0.1', 'queryA ENOTFOUND a.test']);
  });

  test('that is not answered within its time fails for each asker by its name, and keeps its place', async () => {
    find('silent.test');
    await clock.run(LOOKUP_TIMEOUT_MS - 1);
    find('silent.test');
    expect(answers).toEqual([]);
    await clock.run(1);
    expect(answers).toEqual(['the name “silent.test” was not resolved within 5000 ms']);
    find('silent.test');
    expect(runningNames()).toEqual(['silent.test']);
    resolverAnswers('silent.test');
    expect(answers.slice(1)).toEqual(Array(2).fill('silent.test is 10.0.0.1'));
    expect(clock.timerCount).toBe(0);
  });

  test('has its time from when it runs', async () => {
    for (const name of ['a.test', 'b.test', 'c.test']) find(name);
    await clock.run(LOOKUP_TIMEOUT_MS - 1);
    resolverAnswers('a.test');
    await clock.run(LOOKUP_TIMEOUT_MS - 1);
    expect(answers.filter((answer) => answer.includes('c.test'))).toEqual([]);
    await clock.run(1);
    expect(answers.at(-1)).toBe('the name “c.test” was not resolved within 5000 ms');
  });

  test('that nobody waits for any more leaves the queue', () => {
    for (const name of ['a.test', 'b.test']) find(name);
    const [first, second] = [find('c.test'), find('c.test')];
    first.cancel();
    second.cancel();
    find('d.test');
    resolverAnswers('a.test');
    expect(runningNames()).toEqual(['b.test', 'd.test']);
    expect(answers).toEqual(['a.test is 10.0.0.1']);
  });
});

describe('a name that was silent', () => {
  const silent = async (...names: string[]) => {
    for (const name of names) find(name);
    await clock.run(LOOKUP_TIMEOUT_MS);
    for (const name of names) resolverAnswers(name, new Error('queryA ETIMEOUT'));
    for (const name of names) find(name);
  };

  test('never holds the last place', async () => {
    await silent('a.test', 'b.test');
    expect(runningNames()).toEqual(['a.test']);
    find('stock.test');
    find('payment.test');
    expect(runningNames()).toEqual(['a.test', 'stock.test']);
    resolverAnswers('stock.test');
    expect(runningNames()).toEqual(['a.test', 'payment.test']);
    resolverAnswers('a.test');
    expect(runningNames()).toEqual(['payment.test', 'b.test']);
  });

  test('is like any other once it is answered soon', async () => {
    await silent('a.test', 'b.test');
    resolverAnswers('a.test');
    expect(runningNames()).toEqual(['b.test']);
    find('a.test');
    expect(runningNames()).toEqual(['b.test', 'a.test']);
  });
});

describe('two names that are silent for a second', () => {
  const blocked = async () => {
    for (const name of ['a.test', 'b.test']) find(name);
    await clock.run(1000);
  };

  test('keep no name from being answered that resolved before', async () => {
    find('stock.test');
    resolverAnswers('stock.test');
    await blocked();
    answers = [];
    find('stock.test');
    await new Promise(process.nextTick);
    expect(answers).toEqual(['stock.test is 10.0.0.1']);
    expect([runningNames(), asked]).toEqual([['a.test', 'b.test'], []]);
  });

  test('let a name that resolved over a minute ago be asked anew', async () => {
    find('stock.test');
    resolverAnswers('stock.test');
    await clock.run(59_000);
    await blocked();
    find('stock.test');
    expect(asked.map(({ name }) => name)).toEqual(['stock.test']);
  });

  test('keep no other name from being asked of the DNS servers, also one that waited already', async () => {
    for (const name of ['a.test', 'b.test']) find(name);
    await clock.run(999);
    find('stock.test');
    find('stock.test');
    expect(asked).toEqual([]);
    await clock.run(1);
    expect(asked.map(({ name }) => name)).toEqual(['stock.test']);
    asked[0]?.answer(FOUND);
    expect(answers).toEqual(Array(2).fill('stock.test is 10.0.0.1'));
    resolverAnswers('a.test');
    expect(runningNames()).toEqual(['b.test']);
  });

  test('let a name that only the system knows wait for its place, and its look-up answers', async () => {
    await blocked();
    find('hosts-file.test');
    asked[0]?.answer(null);
    expect(answers).toEqual([]);
    resolverAnswers('a.test');
    expect(runningNames()).toEqual(['b.test', 'hosts-file.test']);
    resolverAnswers('hosts-file.test');
    expect(answers.at(-1)).toBe('hosts-file.test is 10.0.0.1');
  });

  test('make nothing of a direct answer that comes when the look-up runs, or no call waits', async () => {
    await blocked();
    const { cancel } = find('gone.test');
    find('stock.test');
    cancel();
    resolverAnswers('a.test');
    answers = [];
    for (const one of asked) one.answer(FOUND);
    expect(answers).toEqual([]);
    resolverAnswers('stock.test');
    expect(answers).toEqual(['stock.test is 10.0.0.1']);
  });

  test('are not two of which one is answered soon', async () => {
    find('a.test');
    await clock.run(1000);
    find('b.test');
    find('stock.test');
    expect(asked).toEqual([]);
  });
});

describe('an asker is held back', () => {
  test('while the look-up waits for a place, and for a second after that', async () => {
    for (const name of ['a.test', 'b.test']) find(name);
    const { stage } = find('c.test');
    expect(stage()).toEqual({ name: 'c.test', isHeldBack: true });
    resolverAnswers('a.test');
    await clock.run(999);
    expect(stage()).toEqual({ name: 'c.test', isHeldBack: true });
    await clock.run(1);
    expect(stage()).toEqual({ name: 'c.test', isHeldBack: false });
    resolverAnswers('c.test');
    expect(stage()).toBeNull();
  });

  test('not when the look-up runs at once', () => {
    expect(find('a.test').stage()).toEqual({ name: 'a.test', isHeldBack: false });
  });
});

describe('what was found', () => {
  const all = (name: string) => {
    let found: unknown;
    lookups.found(name, { all: true }, (error, addresses) => {
      found = error?.message ?? (addresses as LookupAddress[]).map(({ address }) => address);
    });
    return found;
  };

  test('is handed out without another look-up, each address of a family being the first in turn', () => {
    find('stock.test');
    const [one, two, three] = [
      { address: '::1', family: 6 },
      { address: '10.0.0.1', family: 4 },
      { address: '10.0.0.2', family: 4 },
    ];
    resolverAnswers('stock.test', null, [one, two, three]);
    expect([all('stock.test'), all('stock.test'), all('stock.test')]).toEqual([
      ['::1', '10.0.0.1', '10.0.0.2'],
      ['::1', '10.0.0.2', '10.0.0.1'],
      ['::1', '10.0.0.1', '10.0.0.2'],
    ]);
    expect(running).toEqual([]);
  });

  test('is nothing for a name that was not looked up', () => {
    expect(all('stock.test')).toBe('the name “stock.test” was not looked up');
  });
});
