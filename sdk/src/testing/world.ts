/**
 * A whole world for tests of one's own: a coordinator, the participants and an initiator in one process, without a database, a
 * queue or a port. The coordinator is the real one, with its store in memory; participants are real ones, or scripted.
 *
 *   const world = await createTestWorld({ participants: [inventory, scripted(payment)] });
 *   world.on(payment, 'confirm').loseReply(2);
 *   const { gid } = await world.tercet.run({ name: 'place-order' }, async (tx) => { … });
 *   await world.expectFinal(gid, { status: 'confirmed' });
 *
 * Nothing happens by the real time (`clock.ts`), and nothing is left behind: there is nothing to close.
 */
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { MemoryTransactionStore } from '../../../src/adapters/memory/transaction-store.ts';
import type { Coordinator } from '../../../src/application/coordinator.ts';
import { createEngine } from '../../../src/application/engine.ts';
import type { Log, Observer, ParticipantRegistry } from '../../../src/application/ports.ts';
import { type Contract, kindsOf } from '../contract.ts';
import type { Tercet } from '../initiator/tercet.ts';
import type { Participant } from '../participant/participant.ts';
import type { Mountable, ParticipantRequest } from '../serving/mountable.ts';
import { CallOp } from '../../../src/wire/index.ts';
import { worldChance } from './chance.ts';
import type { WorldClock } from './clock.ts';
import { coordinatorApi } from './coordinator-api.ts';
import { type Called, ParticipantGateway } from './participant-gateway.ts';
import { type ExpectedEnd, expectEnd } from './expected-end.ts';
import { newWorldTime, type WorldTime } from './world-time.ts';
import { ParticipantCalls } from './participant-calls.ts';
import type { Effect, RecordedCall } from './recorded-call.ts';
import { type Script, Scripts } from './script.ts';
import { type Scripted, scriptedParticipant } from './scripted.ts';
import { engineSettingsOf, type WorldSettings } from './settings.ts';
import { WorldWakes } from './wakes.ts';
import { addressOf, COORDINATOR_URL, type Fetch, worldFetch } from './world-fetch.ts';
import { WorldTercet } from './world-tercet.ts';

/** A participant as it is, or `scripted(contract)`. */
export type Participating = Participant | Scripted;

/** A listener, as `defineListener` makes it. */
export type Listening = Mountable & { readonly name: string };

export type WorldOptions<All extends readonly Participating[]> = {
  readonly participants: All;
  /** Those that callbacks name. One may have the name of a participant, as if both were mounted at one address. */
  readonly listeners?: readonly Listening[];
  readonly settings?: WorldSettings;
  /** Another number, other delays between retries; 1 when absent. */
  readonly seed?: number;
  /** By participant: what its calls are signed with, where it wants signed calls. */
  readonly secrets?: Readonly<Record<string, string | readonly string[]>>;
};

/** Whom a script is for: a participant, or its contract; or a listener. */
type Whom<Of extends Contract> = Of | { readonly contract: Of } | Listening;

export interface TestWorld<All extends readonly Participating[]> {
  /** An initiator, wired to the coordinator of this world. */
  readonly tercet: Tercet<All>;
  /** For initiators of one's own: answers at `coordinatorUrl`, and for each participant at `http://{name}.test`. */
  readonly fetch: Fetch;
  readonly coordinatorUrl: string;
  readonly clock: Pick<WorldClock, 'nowMs' | 'pass'>;
  /** Every call of a participant so far, in the order in which they were sent. */
  readonly calls: readonly RecordedCall[];
  /**
   * What becomes of the calls of a participant.
   * @param activity only this one; every activity when absent
   * @throws TypeError for a participant, op or activity that there is none of
   */
  on<const Of extends Contract>(
    whom: Whom<Of>,
    op: CallOp,
    activity?: keyof Of['activities'] & string,
  ): Script;
  /** What has taken effect for a branch at its participant so far. */
  effectOf(gid: string | null, branchId: string | null): Effect;
  /**
   * Lets time pass until the transaction has ended, and compares. The gid is that of an outcome, an error or a call; null,
   * which errors have that are of no transaction, is none.
   * @throws UnexpectedEnd when it does not end, or otherwise than expected, or so that no transaction may end so
   */
  expectFinal(gid: string | null, expected?: ExpectedEnd): Promise<void>;
}

/** @throws TypeError for options that cannot work, with words that say what to do */
export async function createTestWorld<const All extends readonly Participating[]>(
  options: WorldOptions<All>,
): Promise<TestWorld<All>> {
  const { settings = {}, seed = 1, secrets = {} } = options;
  const worldTime = newWorldTime();
  const { clock, userCode } = worldTime;
  const participants = callablesOf(options, clock);
  const registry = await registryOf(participants, options);
  const scripts = new Scripts(worldTime);
  const gateway = new ParticipantGateway({ worldTime, scripts });
  const coordinator = coordinatorOf({ registry, participants, gateway, worldTime, settings, seed });
  const { maxPolicy, gate } = engineSettingsOf(settings);
  const limits = {
    maxCallTimeoutMs: maxPolicy.callTimeoutMs,
    participantConcurrency: gate.concurrency,
  };
  const api = coordinatorApi({ coordinator, ...limits, log });
  const fetch = worldFetch({ api, participants, gateway, userCode });
  return {
    tercet: new WorldTercet({ contracts: options.participants, secrets, fetch, worldTime }),
    fetch,
    coordinatorUrl: COORDINATOR_URL,
    clock,
    get calls() {
      return gateway.calls;
    },
    on(whom, op, activity) {
      const { name, activities } = targetOf(whom);
      if (!participants.has(name)) throw new TypeError(`no participant of this world is named ${name}`);
      if (!CallOp.enum.includes(op))
        throw new TypeError(`${op} is no op: there are ${CallOp.enum.join(', ')}`);
      if (activity !== undefined && !activities.includes(activity))
        throw new TypeError(`${name} has no activity ${activity}: there are ${activities.join(', ')}`);
      return scripts.at(name, op, activity ?? null);
    },
    effectOf: (gid, branchId) => gateway.effectOf(gid, branchId),
    expectFinal: (gid, expected = {}) => expectEnd({ coordinator, clock, gateway }, gid, expected),
  };
}

function targetOf(whom: Whom<Contract>): { readonly name: string; readonly activities: readonly string[] } {
  if ('routes' in whom && 'name' in whom)
    return { name: whom.name, activities: whom.routes.map(({ activity }) => activity) };
  const { name, activities } = 'contract' in whom ? whom.contract : whom;
  return { name, activities: Object.keys(activities) };
}

type Participants = ReadonlyMap<string, Called>;

/** @throws TypeError for two of one kind and name */
function callablesOf(
  { participants, listeners = [] }: WorldOptions<readonly Participating[]>,
  clock: WorldClock,
): Participants {
  const ofContracts = participants.map((one) => {
    const served = 'handle' in one ? one : scriptedParticipant(one, { nowMs: () => clock.nowMs });
    return { name: one.contract.name, handle: (request: ParticipantRequest) => served.handle(request) };
  });
  const called = new Map(requireDistinctNames(ofContracts, 'participants').map((one) => [one.name, one]));
  for (const listener of requireDistinctNames(listeners, 'listeners')) {
    const { name } = listener;
    const other = called.get(name);
    const handle: Called['handle'] = async (request) =>
      (await listener.handle(request)) ?? other?.handle(request) ?? null;
    called.set(name, { name, handle });
  }
  requireDistinctNames([...called.values()], 'participants and listeners');
  return called;
}

/** @throws TypeError where two have names that one host has, which is written in letters of any case */
function requireDistinctNames<One extends Pick<Called, 'name'>>(
  all: readonly One[],
  kind: string,
): readonly One[] {
  const hosts = new Set<string>();
  for (const { name } of all) {
    const { host } = new URL(addressOf(name));
    if (hosts.has(host))
      throw new TypeError(`two ${kind} of this world are named ${name}, in letters of any case`);
    hosts.add(host);
  }
  return all;
}

async function registryOf(
  participants: Participants,
  { participants: given, secrets = {} }: WorldOptions<readonly Participating[]>,
): Promise<ParticipantRegistry> {
  const registry = new MemoryParticipantRegistry();
  const contracts = new Map(given.map(({ contract }) => [contract.name, contract]));
  for (const name of participants.keys()) {
    const contract = contracts.get(name);
    const own = { baseUrls: [addressOf(name)], paths: {}, callTimeoutMs: null };
    const activities = contract === undefined ? {} : kindsOf(contract);
    await registry.put({ name, ...own, activities, secrets: [secrets[name] ?? []].flat() });
  }
  return registry;
}

type CoordinatorParts = {
  readonly registry: ParticipantRegistry;
  readonly participants: Participants;
  readonly gateway: ParticipantGateway;
  readonly worldTime: WorldTime;
  readonly settings: WorldSettings;
  readonly seed: number;
};

function coordinatorOf({
  registry,
  participants,
  gateway,
  worldTime,
  settings,
  seed,
}: CoordinatorParts): Coordinator {
  const { clock: time } = worldTime;
  const store = new MemoryTransactionStore();
  const ports = {
    store,
    writer: store,
    resumptions: store.resumptions,
    registry,
    time,
    log,
    observer,
    participants: new ParticipantCalls({ participants, registry, gateway, clock: time }),
    wakes: (onWake: (gid: string) => void) => new WorldWakes({ store, time, onWake }),
    chance: worldChance(seed, time),
  };
  return createEngine(ports, engineSettingsOf(settings)).coordinator;
}

/** Nothing that the world is made of fails by itself: what does is a defect, and is shown. */
const log: Log = { error: (what, error) => process.emitWarning(`${what}: ${String(error)}`) };

const observer: Observer = {
  saved: () => {},
  called: () => {},
  completed: () => {},
  circuitChanged: () => {},
  participantRecovered: () => {},
  resumed: () => {},
  participantRegistered: () => {},
  participantRemoved: () => {},
  committed: () => {},
  removed: () => {},
};
