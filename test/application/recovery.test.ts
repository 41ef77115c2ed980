// An outage ends by itself: once a participant answers again, what waits for it is called within a minute, on every replica (I4).
import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import type { Engine, EngineSettings } from '../../src/application/engine.ts';
import type { HttpAnswer, ParticipantCall } from '../../src/application/ports.ts';
import type { BeginRequest } from '../../src/application/requests.ts';
import { httpAnswer, noObserver, registryOf, testEngine } from '../support/engine.ts';
import { policy, saveOf } from '../support/saves.ts';
import { seededChance, VirtualClock } from '../support/virtual-clock.ts';

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000] as const;
const CALL_TIMEOUT_MS = 5000;
/** The defaults of the settings. */
const DEFAULTS: Partial<EngineSettings> & Pick<EngineSettings, 'policy' | 'gate'> = {
  policy: {
    ...policy,
    callTimeoutMs: CALL_TIMEOUT_MS,
    retry: { firstDelayMs: 200, maxDelayMs: 30 * SECOND, budgetMs: DAY },
    poll: { firstDelayMs: 500, maxDelayMs: 10 * SECOND, budgetMs: 7 * DAY },
    maxRetryAfterMs: 300 * SECOND,
  },
  gate: { concurrency: 256, failureCount: 10, firstOpenMs: SECOND, maxOpenMs: 30 * SECOND },
  sweepIntervalMs: SECOND,
  commitTimeoutMs: 5000,
};
/** Parks within seconds. */
const IMPATIENT: typeof DEFAULTS = {
  ...DEFAULTS,
  policy: { ...DEFAULTS.policy, retry: { firstDelayMs: 50, maxDelayMs: 100, budgetMs: 200 } },
  gate: { ...DEFAULTS.gate, failureCount: 1000 },
};

let clock: VirtualClock;
let store: MemoryTransactionStore;
let calls: (ParticipantCall & { readonly at: number; readonly replica: number })[];
let answers: (call: ParticipantCall) => number | HttpAnswer;
/** How long an answer takes. */
let takesMs: (call: ParticipantCall) => number;
let resumed: string[];
let recovered: string[];
let replicas: Replica[];
/** Each process draws other numbers, and the same in every run. */
let starts: number;
let registry: ReturnType<typeof registryOf>;

type Replica = { readonly engine: Engine; readonly life: { isAlive: boolean } };

beforeEach(() => {
  [clock, store, calls, resumed, recovered] = [new VirtualClock(), new MemoryTransactionStore(), [], [], []];
  registry = registryOf('stock', 'mail');
  starts = 0;
  [answers, takesMs] = [() => 200, () => 0];
});

function startReplicas(count: number, settings = DEFAULTS): void {
  replicas = Array.from({ length: count }, (_, index) => startReplica(index, settings));
}

function startReplica(index: number, settings = DEFAULTS): Replica {
  starts += 1;
  const life = { isAlive: true };
  const engine = testEngine({
    clock,
    process: life,
    store,
    registry,
    chance: seededChance(starts),
    settings,
    participants: {
      async call(call) {
        calls.push({ ...call, at: clock.nowMs, replica: index });
        const [answer, afterMs] = [answers(call), takesMs(call)];
        await new Promise<void>((resolve) => (afterMs > 0 ? clock.after(afterMs, resolve) : resolve()));
        return typeof answer === 'number' ? httpAnswer(answer) : answer;
      },
    },
    observer: {
      ...noObserver,
      resumed: (participant, count) => resumed.push(...Array(count).fill(participant)),
      participantRecovered: (participant) => recovered.push(participant),
    },
  });
  engine.sweep.start();
  engine.recovery.start();
  return { engine, life };
}

const missing = (): never => {
  throw new Error('it is gone');
};

/** As by SIGKILL; another process takes its place. */
function restart(index: number, settings = DEFAULTS): void {
  (replicas[index] as Replica).life.isAlive = false;
  replicas[index] = startReplica(index, settings);
}

async function begin(request: Partial<BeginRequest>, replica = 0): Promise<string> {
  const outcome = await (replicas[replica] as Replica).engine.coordinator.begin(
    request as BeginRequest,
    null,
  );
  if (!outcome.accepted) throw new Error(outcome.code);
  return outcome.saved.tx.gid;
}

const tcc = (participant = 'mail', payload = 'p'): Partial<BeginRequest> => ({
  branches: [
    { branchId: 'a', participant: 'stock', activity: 'reserve' },
    { branchId: 'b', participant, activity: 'send', payload },
  ],
  timeoutMs: 30 * SECOND,
});
/** Its mail is sent behind the pivot. */
const saga = (): Partial<BeginRequest> => ({
  pattern: 'saga',
  branches: [
    { branchId: 'pay', participant: 'stock', activity: 'pay', isPivot: true },
    { branchId: 'mail', participant: 'mail', activity: 'send', dependsOn: ['pay'] },
  ],
});

const find = async (gid: string) => {
  const loaded = await store.load(gid);
  return (loaded ?? missing()).tx;
};
const statusesOf = (gids: readonly string[]) =>
  Promise.all(gids.map(async (gid) => (await find(gid)).status));

/** The participant answers no call but a try, which came before its outage. */
const away =
  (participant: string): typeof answers =>
  (call) =>
    call.participant === participant && call.op !== 'try'
      ? { ...httpAnswer(null), answer: 'connect ECONNREFUSED' }
      : 200;

/** With both kinds of transactions that wait for the mail, begun at each replica. */
async function beginAll(): Promise<string[]> {
  const gids: string[] = [];
  for (const replica of [0, 1]) gids.push(await begin(tcc(), replica), await begin(saga(), replica));
  return gids;
}

async function expectEnds(gids: readonly string[]): Promise<void> {
  expect(await statusesOf(gids)).toEqual(gids.map(() => 'confirming'));
  answers = () => 200;
  await clock.run(MINUTE);
  expect(await statusesOf(gids)).toEqual(gids.map(() => 'confirmed'));
}

const isParked = async (gid: string) =>
  (await find(gid)).branches.some(({ phaseOne, phaseTwo }) => phaseOne.parkedAt ?? phaseTwo.parkedAt);

describe('an outage ends within a minute of the return', () => {
  test.each([
    ['3 minutes', 3 * MINUTE, 0],
    ['3 hours', 3 * HOUR, SECOND],
    ['3 days', 3 * DAY, 15 * SECOND],
  ])('after %s, for tcc and saga, whichever replica carried it (I4)', async (_length, lengthMs, stepMs) => {
    clock = new VirtualClock({ stepMs });
    startReplicas(2);
    answers = away('mail');
    const gids = await beginAll();
    await clock.run(lengthMs);
    await expectEnds(gids);
  });

  test('though both replicas were restarted during it (I4)', async () => {
    startReplicas(2, IMPATIENT);
    answers = away('mail');
    const gids = await beginAll();
    await clock.run(10 * MINUTE);
    expect(await Promise.all(gids.map(isParked))).toEqual(gids.map(() => true));
    restart(0, IMPATIENT);
    restart(1, IMPATIENT);
    await clock.run(10 * SECOND);
    await expectEnds(gids);
  });

  test('though both replicas were restarted after it, and other calls are answered meanwhile (I4)', async () => {
    startReplicas(2, IMPATIENT);
    answers = away('mail');
    const gids = await beginAll();
    await clock.run(10 * MINUTE);
    answers = () => 200;
    restart(0, IMPATIENT);
    restart(1, IMPATIENT);
    for (let seconds = 0; seconds < 60; seconds += 1) {
      await Promise.all([begin(tcc(), 0), begin(tcc(), 1)]);
      await clock.run(SECOND);
    }
    expect(await statusesOf(gids)).toEqual(gids.map(() => 'confirmed'));
  });

  test('for what the version before has parked, which is called hourly by then', async () => {
    startReplicas(1, IMPATIENT);
    answers = away('mail');
    const gid = await begin(saga());
    await clock.run(10 * SECOND);
    (replicas[0] as Replica).life.isAlive = false;
    const { tx, seq } = (await store.load(gid)) ?? missing();
    const dueAt = clock.nowMs - 5 * SECOND;
    const { phaseOne, ...mail } = tx.branches[1] ?? missing();
    const parked = { ...mail, phaseOne: { ...phaseOne, spentMs: 0, dueAt, parkedAt: dueAt } };
    const after = { ...tx, branches: [tx.branches[0] ?? missing(), parked] };
    await store.writeBatch([saveOf({ tx, seq }, after, { wakeAt: clock.nowMs + HOUR })]);
    startReplicas(2);
    await clock.run(MINUTE);
    await expectEnds([gid]);
  });

  test('for a callback whose budget is spent', async () => {
    startReplicas(2, IMPATIENT);
    answers = ({ op }) => (op === 'notify' ? httpAnswer(null) : 200);
    const gid = await begin({ ...tcc('stock'), callback: { participant: 'mail', activity: 'told' } });
    await clock.run(10 * MINUTE);
    answers = () => 200;
    await clock.run(MINUTE);
    expect((await find(gid)).notification?.reply).toBe('succeeded');
  });

  test('of a participant that answered 404 to everything, and is called for nothing else', async () => {
    startReplicas(2, IMPATIENT);
    answers = (call) => (call.participant === 'mail' && call.op !== 'try' ? 404 : 200);
    const gids = (await Promise.all([beginAll(), beginAll(), beginAll()])).flat();
    await clock.run(10 * MINUTE);
    expect(await Promise.all(gids.map(isParked))).toEqual(gids.map(() => true));
    await expectEnds(gids);
  });

  test('for more transactions than it has slots', async () => {
    startReplicas(2, { ...IMPATIENT, gate: { ...IMPATIENT.gate, concurrency: 3 } });
    answers = away('mail');
    const gids: string[] = [];
    for (let count = 0; count < 40; count += 1) gids.push(await begin(tcc(), count % 2));
    await clock.run(10 * MINUTE);
    takesMs = () => 2 * SECOND;
    await expectEnds(gids);
  });

  test('for more branches of one transaction than it has slots', async () => {
    startReplicas(1, { ...IMPATIENT, gate: { ...IMPATIENT.gate, concurrency: 2 } });
    answers = away('mail');
    const branches = Array.from({ length: 8 }, (_, at) => ({
      branchId: `mail-${at}`,
      participant: 'mail',
      activity: 'send',
    }));
    const gid = await begin({ branches, timeoutMs: 30 * SECOND });
    await clock.run(10 * MINUTE);
    takesMs = () => 3 * SECOND;
    await expectEnds([gid]);
  });
});

describe('what waits for a participant that has recovered', () => {
  async function parkAll(count: number, whileAway = away('mail')): Promise<string[]> {
    answers = whileAway;
    const gids: string[] = [];
    for (let begun = 0; begun < count; begun += 1) gids.push(await begin(tcc(), begun % replicas.length));
    await clock.run(5 * MINUTE);
    expect(await Promise.all(gids.map(isParked))).toEqual(gids.map(() => true));
    [calls, recovered, resumed] = [[], [], []];
    return gids;
  }
  const confirmsOf = (gid: string) => calls.filter((call) => call.gid === gid && call.participant === 'mail');

  test('is called once, by one of the replicas', async () => {
    startReplicas(2, IMPATIENT);
    const gids = await parkAll(20);
    answers = () => 200;
    await clock.run(MINUTE);
    expect(gids.filter((gid) => confirmsOf(gid).length !== 1)).toEqual([]);
  });

  test('is counted as resumed, and the recovery is noted at most every 30 s', async () => {
    startReplicas(2, IMPATIENT);
    await parkAll(20);
    answers = () => 200;
    await clock.run(MINUTE);
    expect(resumed.length).toBeGreaterThanOrEqual(18);
    expect(new Set(resumed)).toEqual(new Set(['mail']));
    expect(recovered.length).toBeGreaterThan(0);
    expect(recovered.length).toBeLessThanOrEqual(3);
  });

  test('is noted at most every 30 s, by all replicas together, however often it fails and answers', async () => {
    startReplicas(2);
    answers = ({ participant, op, attempt }) =>
      participant === 'mail' && op !== 'try' && attempt === 1 ? 503 : 200;
    for (let seconds = 0; seconds < 300; seconds += 1) {
      await Promise.all([begin(tcc(), 0), begin(tcc(), 1)]);
      await clock.run(SECOND);
    }
    expect(recovered.length).toBeGreaterThan(5);
    expect(recovered.length).toBeLessThanOrEqual(10);
  });

  test('is called soon by the replica that drives it, whose circuit has held it back, and by no other', async () => {
    // Open until it is told to close.
    startReplicas(2, { ...DEFAULTS, gate: { ...DEFAULTS.gate, firstOpenMs: HOUR, maxOpenMs: HOUR } });
    answers = away('mail');
    for (let count = 0; count < 4; count += 1) await begin(saga(), 1);
    await clock.run(5 * MINUTE);
    // Its other confirm keeps it driven meanwhile.
    takesMs = ({ participant, op }) => (participant === 'stock' && op === 'confirm' ? 10 * SECOND : 0);
    const gid = await begin({ timeoutMs: MINUTE }, 1);
    const { coordinator } = (replicas[1] as Replica).engine;
    for (const branch of tcc().branches ?? []) await coordinator.registerBranch(gid, branch);
    await coordinator.confirm(gid);
    await clock.run(2 * SECOND);
    calls = [];
    answers = () => 200;
    (replicas[0] as Replica).engine.recovery.note('mail');
    await clock.run(4 * SECOND);
    expect(confirmsOf(gid).map(({ replica }) => replica)).toEqual([1]);
  });

  test('is not called by another replica while its first call is under way', async () => {
    startReplicas(2);
    takesMs = ({ participant, op }) => (participant === 'mail' && op === 'confirm' ? 6 * SECOND : 0);
    const gid = await begin(tcc(), 1);
    await clock.run(SECOND);
    (replicas[0] as Replica).engine.recovery.note('mail');
    await clock.run(4 * SECOND);
    expect(confirmsOf(gid).map(({ replica, op }) => [replica, op])).toEqual([
      [1, 'try'],
      [1, 'confirm'],
    ]);
  });

  test('is resumed after its address was changed, once all replicas have read it', async () => {
    startReplicas(2, IMPATIENT);
    answers = away('mail');
    const gids = await beginAll();
    // Between two probes.
    await clock.run(10 * MINUTE + 10 * SECOND);
    answers = () => 200;
    const mail = { name: 'mail', baseUrls: ['http://new.test'], paths: {}, callTimeoutMs: null };
    await (replicas[0] as Replica).engine.coordinator.registerParticipant(mail);
    calls = [];
    await clock.run(SECOND);
    expect(calls).toEqual([]);
    await clock.run(5 * SECOND);
    expect(await statusesOf(gids)).toEqual(gids.map(() => 'confirmed'));
  });

  test('is not asked for again and again where an operator retried a participant that is not registered', async () => {
    let askedCount = 0;
    const { resumptions } = store;
    const note = resumptions.note.bind(resumptions);
    // As a database, which has no row of it.
    resumptions.note = async (name, ...when) => {
      askedCount += 1;
      return name === 'nobody' ? false : note(name, ...when);
    };
    startReplicas(1);
    await (replicas[0] as Replica).engine.coordinator.retryParticipant('nobody');
    await clock.run(10 * SECOND);
    expect(askedCount).toBe(1);
  });

  test('is not resumed by a registration that changes nothing', async () => {
    startReplicas(2);
    const mail = (await registry.find('mail')) ?? missing();
    await (replicas[0] as Replica).engine.coordinator.registerParticipant(mail);
    await clock.run(10 * SECOND);
    expect(recovered).toEqual([]);
  });

  test('is called at its own date where an address was named in its place', async () => {
    startReplicas(2, IMPATIENT);
    const address = 'http://mail.test/';
    await registry.put({ name: address, baseUrls: [address], paths: {}, callTimeoutMs: null });
    answers = away(address);
    const gid = await begin(tcc(address));
    await clock.run(5 * MINUTE);
    answers = () => 200;
    await clock.run(10 * MINUTE);
    expect((await find(gid)).status).toBe('confirming');
    await clock.run(HOUR);
    expect((await find(gid)).status).toBe('confirmed');
  });

  test('is left alone where it is accepted: it waits for the business', async () => {
    clock = new VirtualClock({ stepMs: 5 * SECOND });
    startReplicas(2, { ...IMPATIENT, policy: { ...IMPATIENT.policy, maxRetryAfterMs: 24 * HOUR } });
    // Asked to be polled a day later, so that no poll of its own comes meanwhile.
    const later = { ...httpAnswer(202), retryAfterMs: 24 * HOUR };
    // Its other branch is not accepted, and is resumed.
    const mail = { participant: 'mail', activity: 'send' };
    const slow = { branchId: 'slow', ...mail, payload: 'slow' };
    const branches = [slow, { branchId: 'b', ...mail }];
    const accepted = await begin({ branches, timeoutMs: 30 * SECOND });
    const isSlow = ({ payload, op }: ParticipantCall) => payload === '"slow"' && op !== 'try';
    answers = (call) => (isSlow(call) ? later : away('mail')(call));
    await clock.run(12 * HOUR);
    await parkAll(2, (call) => (isSlow(call) ? later : away('mail')(call)));
    answers = (call) => (isSlow(call) ? later : 200);
    await clock.run(MINUTE);
    expect(recovered).not.toEqual([]);
    expect(confirmsOf(accepted).map(({ branchId }) => branchId)).toEqual(['b']);
  });

  test('is found again a minute later where the replica died that had claimed it', async () => {
    startReplicas(2, IMPATIENT);
    const gids = await parkAll(4);
    (replicas[1] as Replica).life.isAlive = false;
    const claim = { participant: 'mail', gids, now: clock.nowMs, expiredAt: clock.nowMs - MINUTE };
    await store.resumptions.claim({ ...claim, claimant: 'dead' });
    answers = () => 200;
    await clock.run(2 * MINUTE);
    expect(await statusesOf(gids)).toEqual(gids.map(() => 'confirmed'));
  });
});

describe('what was resumed just before its participant failed and recovered again', () => {
  test('is resumed a minute later, also where it was claimed by a clock that is a little ahead', async () => {
    startReplicas(1, IMPATIENT);
    answers = away('mail');
    const gids: string[] = [];
    for (let count = 0; count < 20; count += 1) gids.push(await begin(tcc()));
    await clock.run(5 * MINUTE);
    const now = clock.nowMs + 3 * SECOND;
    await store.resumptions.claim({
      participant: 'mail',
      gids,
      now,
      expiredAt: now - MINUTE,
      claimant: 'other',
    });
    const last = await begin(tcc());
    await clock.run(500);
    answers = () => 200;
    // Other calls are answered, so nothing is probed.
    for (let seconds = 0; seconds < 70; seconds += 1) {
      await begin(tcc());
      await clock.run(SECOND);
    }
    expect(await statusesOf([last, ...gids])).toEqual([last, ...gids].map(() => 'confirmed'));
  });
});

describe('a participant of which every call was given up', () => {
  test('is probed by each replica every 30 s, in rotation, and no journal row is written', async () => {
    startReplicas(2, IMPATIENT);
    answers = away('mail');
    const gids: string[] = [];
    for (let count = 0; count < 3; count += 1) gids.push(await begin(tcc(), count % 2));
    await clock.run(3 * MINUTE);
    const rowCount = async () => (await Promise.all(gids.map((gid) => store.journalOf(gid)))).flat().length;
    const before = await rowCount();
    calls = [];
    await clock.run(10 * MINUTE);
    for (const replica of [0, 1]) {
      const own = calls.filter((call) => call.replica === replica);
      expect(own.length).toBeGreaterThanOrEqual(18);
      expect(own.length).toBeLessThanOrEqual(20);
      expect(new Set(own.map(({ gid }) => gid))).toEqual(new Set(gids));
    }
    expect(await rowCount()).toBe(before);
  });

  test('is found again soon, also where the oldest of its branches fail for good (I15)', async () => {
    startReplicas(2, IMPATIENT);
    answers = away('mail');
    const begun: string[] = [];
    for (let count = 0; count < 60; count += 1) begun.push(await begin(tcc(), count % 2));
    await clock.run(5 * MINUTE);
    const [bad, good] = [begun.sort().slice(0, 20), begun.slice(20)];
    answers = ({ gid, op }) => (op !== 'try' && bad.includes(gid) ? 503 : 200);
    await clock.run(3 * MINUTE);
    expect(await statusesOf(good)).toEqual(good.map(() => 'confirmed'));
  });

  test('is not probed while other calls are made', async () => {
    startReplicas(1, IMPATIENT);
    const isPoisoned = ({ payload, op }: ParticipantCall) => payload === '"bad"' && op !== 'try';
    answers = (call) => (isPoisoned(call) ? 404 : 200);
    await begin(tcc('mail', 'bad'));
    await clock.run(5 * MINUTE);
    await begin(tcc());
    await clock.run(3 * MINUTE);
    calls = [];
    for (let count = 0; count < 60; count += 1) {
      await begin(tcc());
      await clock.run(20 * SECOND);
    }
    expect(calls.filter(isPoisoned).length).toBeLessThanOrEqual(2);
  });
});

describe('a branch that always fails, at a participant that serves the others (I15)', () => {
  test.each([
    ['with 503', 503],
    ['without an answer', null],
  ])('%s is resumed once a minute at most, and delays no other call', async (_how, status) => {
    startReplicas(2, { ...IMPATIENT, gate: { ...DEFAULTS.gate, failureCount: 3 } });
    const isPoisoned = ({ payload, op }: ParticipantCall) => payload === '"bad"' && op !== 'try';
    answers = (call) => (isPoisoned(call) ? httpAnswer(status) : 200);
    const bad = [await begin(tcc('mail', 'bad'), 0), await begin(tcc('mail', 'bad'), 1)];
    for (let seconds = 0; seconds < 180; seconds += 1) {
      await begin(tcc(), seconds % 2);
      await clock.run(SECOND);
    }
    expect(await Promise.all(bad.map(isParked))).toEqual([true, true]);
    calls = [];
    const good: string[] = [];
    for (let seconds = 0; seconds < 600; seconds += 1) {
      good.push(await begin(tcc(), seconds % 2));
      await clock.run(SECOND);
      expect((await find(good.at(-1) ?? '')).status).toBe('confirmed');
    }
    for (const gid of bad) {
      const own = calls.filter((call) => call.gid === gid);
      expect(own.length).toBeGreaterThan(0);
      expect(own.length).toBeLessThanOrEqual(10);
    }
  });

  test('and all its like are resumed with half of the slots, so that other calls find one', async () => {
    const concurrency = 4;
    startReplicas(1, { ...IMPATIENT, gate: { ...IMPATIENT.gate, concurrency } });
    const isPoisoned = ({ payload, op }: ParticipantCall) => payload === '"bad"' && op !== 'try';
    answers = (call) => (isPoisoned(call) ? httpAnswer(null) : 200);
    for (let count = 0; count < 10; count += 1) await begin(tcc('mail', 'bad'));
    await clock.run(5 * MINUTE);
    takesMs = (call) => (isPoisoned(call) ? CALL_TIMEOUT_MS : 0);
    (replicas[0] as Replica).engine.recovery.note('mail');
    calls = [];
    for (let tenths = 0; tenths < 100; tenths += 1) {
      const gid = await begin(tcc());
      await clock.run(SECOND / 10);
      expect((await find(gid)).status).toBe('confirmed');
    }
    expect(calls.filter(isPoisoned).length).toBeGreaterThanOrEqual(concurrency / 2);
  });

  test('does not keep the others from being resumed, also where many fail', async () => {
    startReplicas(2, IMPATIENT);
    answers = away('mail');
    const begun: string[] = [];
    for (let count = 0; count < 60; count += 1) begun.push(await begin(tcc(), count % 2));
    await clock.run(5 * MINUTE);
    expect(await Promise.all(begun.map(isParked))).toEqual(begun.map(() => true));
    // More of them fail than open a circuit, and resumptions are read in the order of the gids.
    const [bad, good] = [begun.sort().slice(0, 30), begun.slice(30)];
    const settings = { ...IMPATIENT, gate: { ...DEFAULTS.gate, concurrency: 10 } };
    restart(0, settings);
    restart(1, settings);
    answers = ({ gid, op }) => (op !== 'try' && bad.includes(gid) ? 503 : 200);
    for (let seconds = 0; seconds < 600; seconds += 1) {
      await begin(tcc(), seconds % 2);
      await clock.run(SECOND);
    }
    expect(await statusesOf(good)).toEqual(good.map(() => 'confirmed'));
  });
});
