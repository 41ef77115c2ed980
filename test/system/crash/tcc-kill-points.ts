/**
 * The points of a tcc at which a coordinator is killed, as tables: the scenarios, what is durable and done when it
 * dies, and how each transaction must end. Of each pair, the first is of `stock`, the second of `money`.
 *
 * A point is pinned by gates, not by time: each call that `script` names is held until the process is dead.
 */
import type { Initiator } from './initiator.ts';
import type { Script } from './participants.ts';
import type { KillPoint, KillScenario } from './kill-scenario.ts';

/** Long enough to be killed before, short enough to be waited for. */
const FORGOTTEN_AFTER_MS = 30_000;

// ── What initiators do ───────────────────────────────────────────────────────────────────────────────────────

const declared = { before: (initiator: Initiator) => initiator.declare() };

/** The answer to this client dies with the coordinator; it asks the next one again. */
const waiting = {
  before: (initiator: Initiator) => initiator.declareUntilEnded(),
  isUnanswered: true,
  after: (initiator: Initiator) => initiator.declare(),
} as const;

async function confirmIt(initiator: Initiator): Promise<void> {
  await tryBoth(initiator);
  await initiator.confirm();
}

/** Begins as well, which may be repeated. */
async function tryBoth(initiator: Initiator): Promise<void> {
  await initiator.begin();
  await initiator.register('stock', 'money');
  if (!(await initiator.tryBranch('stock')) || !(await initiator.tryBranch('money')))
    throw new Error('a try of the initiator was refused');
}

// ── What is durable ──────────────────────────────────────────────────────────────────────────────────────────

const nothing = [null, null] as const;
const succeeded = ['succeeded', 'succeeded'] as const;

const begun = { status: 'trying', decision: null, one: nothing, two: nothing } as const;
const confirming = { status: 'confirming', decision: 'confirm', one: succeeded, two: nothing } as const;
/** Its tries are the initiator's. */
const confirmingInteractive = { ...confirming, one: nothing } as const;
const cancelling = {
  status: 'cancelling',
  decision: 'cancel',
  one: ['answered', 'refused'],
  two: nothing,
} as const;

// ── What is held ─────────────────────────────────────────────────────────────────────────────────────────────

export const holdTries: Script = { 'stock try': 'holdRequest', 'money try': 'holdRequest' };
export const holdConfirms: Script = { 'stock confirm': 'holdRequest', 'money confirm': 'holdRequest' };
const holdCancels: Script = { 'stock cancel': 'holdRequest', 'money cancel': 'holdRequest' };
const holdConfirmAnswers: Script = { 'stock confirm': 'holdAnswer', 'money confirm': 'holdAnswer' };

export const tccKillPoints: readonly KillPoint[] = [
  {
    title: 'after the begin is durable',
    scenarios: [
      {
        title: 'declared',
        ...declared,
        script: holdTries,
        atDeath: { ...begun, records: ['nothing', 'nothing'] },
        ends: 'confirmed',
      },
      {
        title: 'declared by a client that waits',
        ...waiting,
        script: holdTries,
        atDeath: { ...begun, records: ['nothing', 'nothing'] },
        ends: 'confirmed',
      },
      {
        title: 'declared, with a try that will be refused',
        refused: 'money',
        ...declared,
        script: holdTries,
        atDeath: { ...begun, records: ['nothing', 'nothing'] },
        ends: 'cancelled',
      },
      {
        title: 'interactive, and its initiator goes on',
        before: (initiator) => initiator.begin(),
        after: confirmIt,
        script: {},
        atDeath: { ...begun, one: [], two: [], records: ['nothing', 'nothing'] },
        ends: 'confirmed',
      },
      {
        title: 'interactive, and its initiator never comes back',
        timeoutMs: FORGOTTEN_AFTER_MS,
        isLong: true,
        before: async (initiator) => {
          await initiator.begin();
          await initiator.register('stock', 'money');
        },
        script: {},
        atDeath: { ...begun, records: ['nothing', 'nothing'] },
        ends: 'cancelled',
      },
    ],
  },
  {
    title: 'after some tries',
    scenarios: [
      {
        title: 'one try took effect',
        ...declared,
        script: { 'money try': 'holdRequest' },
        atDeath: { ...begun, one: ['answered', null], records: ['tried', 'nothing'] },
        ends: 'confirmed',
      },
      {
        title: 'one try took effect, and the client waits',
        ...waiting,
        script: { 'stock try': 'holdRequest' },
        atDeath: { ...begun, one: [null, 'answered'], records: ['nothing', 'tried'] },
        ends: 'confirmed',
      },
      {
        title: 'one try durably succeeded',
        ...declared,
        script: { 'money try': 'holdOnceSiblingIsSaved' },
        atDeath: { ...begun, one: ['succeeded', null], records: ['tried', 'nothing'] },
        ends: 'confirmed',
      },
      {
        title: 'one try took effect, and its answer is lost',
        ...declared,
        script: { 'stock try': 'holdRequest', 'money try': 'holdAnswer' },
        atDeath: { ...begun, records: ['nothing', 'tried'] },
        ends: 'confirmed',
      },
      {
        title: 'one try took effect, and the other will be refused',
        refused: 'money',
        ...declared,
        script: { 'money try': 'holdRequest' },
        atDeath: { ...begun, one: ['answered', null], records: ['tried', 'nothing'] },
        ends: 'cancelled',
      },
      {
        title: 'interactive, and its initiator dies while a try of its own is under way',
        timeoutMs: FORGOTTEN_AFTER_MS,
        isLong: true,
        before: async (initiator) => {
          await initiator.begin();
          await initiator.register('stock', 'money');
          // The second one lands behind its cancel (I7).
          await Promise.all([initiator.tryBranch('stock'), initiator.tryBranch('money')]);
        },
        isUnanswered: true,
        script: { 'money try': 'holdRequest' },
        atDeath: { ...begun, records: ['tried', 'nothing'] },
        ends: 'cancelled',
      },
    ],
  },
  {
    title: 'after the decision is durable',
    scenarios: [
      {
        title: 'to confirm',
        ...declared,
        script: holdConfirms,
        atDeath: { ...confirming, records: ['tried', 'tried'] },
        ends: 'confirmed',
      },
      {
        title: 'to confirm, and the client waits',
        ...waiting,
        script: holdConfirms,
        atDeath: { ...confirming, records: ['tried', 'tried'] },
        ends: 'confirmed',
      },
      {
        title: 'to confirm, which the initiator was told',
        before: confirmIt,
        script: holdConfirms,
        atDeath: { ...confirmingInteractive, records: ['tried', 'tried'] },
        ends: 'confirmed',
      },
      {
        title: 'to cancel',
        refused: 'money',
        ...declared,
        script: holdCancels,
        atDeath: { ...cancelling, records: ['tried', 'nothing'] },
        ends: 'cancelled',
      },
    ],
  },
  {
    title: 'after some confirms',
    scenarios: [
      {
        title: 'one confirm took effect',
        ...declared,
        script: { 'money confirm': 'holdRequest' },
        atDeath: { ...confirming, two: ['answered', null], records: ['confirmed', 'tried'] },
        ends: 'confirmed',
      },
      {
        title: 'one confirm took effect, and the client waits',
        ...waiting,
        script: { 'stock confirm': 'holdRequest' },
        atDeath: { ...confirming, two: [null, 'answered'], records: ['tried', 'confirmed'] },
        ends: 'confirmed',
      },
      {
        title: 'one confirm durably succeeded',
        ...declared,
        script: { 'money confirm': 'holdOnceSiblingIsSaved' },
        atDeath: { ...confirming, two: ['succeeded', null], records: ['confirmed', 'tried'] },
        ends: 'confirmed',
      },
      {
        title: 'one confirm took effect, and its answer is lost',
        before: confirmIt,
        script: { 'stock confirm': 'holdAnswer', 'money confirm': 'holdRequest' },
        atDeath: { ...confirmingInteractive, records: ['confirmed', 'tried'] },
        ends: 'confirmed',
      },
      {
        title: 'one cancel took effect',
        refused: 'money',
        ...declared,
        script: { 'money cancel': 'holdRequest' },
        atDeath: { ...cancelling, two: ['answered', null], records: ['cancelled', 'nothing'] },
        ends: 'cancelled',
      },
    ],
  },
  {
    title: 'before the finish',
    scenarios: [
      {
        title: 'every confirm took effect',
        ...declared,
        script: holdConfirmAnswers,
        atDeath: { ...confirming, records: ['confirmed', 'confirmed'] },
        ends: 'confirmed',
      },
      {
        title: 'every confirm took effect, one was answered, and the client waits',
        ...waiting,
        script: { 'money confirm': 'holdAnswer' },
        atDeath: { ...confirming, two: ['answered', null], records: ['confirmed', 'confirmed'] },
        ends: 'confirmed',
      },
      {
        title: 'every confirm of an interactive one took effect',
        before: confirmIt,
        script: holdConfirmAnswers,
        atDeath: { ...confirmingInteractive, records: ['confirmed', 'confirmed'] },
        ends: 'confirmed',
      },
      {
        title: 'every cancel took effect',
        refused: 'money',
        ...declared,
        script: { 'stock cancel': 'holdAnswer', 'money cancel': 'holdAnswer' },
        atDeath: { ...cancelling, records: ['cancelled', 'tombstone'] },
        ends: 'cancelled',
      },
    ],
  },
];

/**
 * Three more, which no gate can pin: requests or replies have arrived and are not yet durable, because its commit waits for
 * a lock. The dead process's packet may still be committed, or not.
 */
export const commitsUnderWay: readonly KillScenario[] = [
  {
    title: 'a decision by replies is being saved',
    ...declared,
    script: { 'stock try': 'holdAnswer', 'money try': 'holdAnswer' },
    atDeath: { ...begun, records: ['tried', 'tried'] },
    ends: 'confirmed',
  },
  {
    title: 'a finish is being saved',
    ...declared,
    script: holdConfirmAnswers,
    atDeath: { ...confirming, records: ['confirmed', 'confirmed'] },
    ends: 'confirmed',
  },
  {
    title: 'a decision by request is being saved',
    before: tryBoth,
    askedInCommit: (initiator) => initiator.confirm(),
    after: (initiator) => initiator.confirm(),
    script: {},
    atDeath: { ...begun, records: ['tried', 'tried'] },
    ends: 'confirmed',
  },
];
