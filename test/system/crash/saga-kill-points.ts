/**
 * The boundaries of each step of a saga at which a coordinator is killed: before its call is sent, after its effect and
 * before its answer arrives, after its answer and before that is durable. The table states once for all three what is
 * durable as the calls of a boundary are under way, and what the participants have before and after their effect.
 *
 * Lists are in the order of the steps: reserve, then pay and book concurrently, charge (the pivot), send.
 */
import type { WorkRecord } from './participant-records.ts';
import { type BranchId, saga } from './transaction-shapes.ts';
import type { Initiator } from './initiator.ts';
import type { CallName, Treatment } from './participants.ts';
import type { StateAtDeath, KillScenario } from './kill-scenario.ts';

type Records = readonly [
  reserve: WorkRecord,
  pay: WorkRecord,
  book: WorkRecord,
  charge: WorkRecord,
  send: WorkRecord,
];

/** The index of the pivot in these lists. */
const PIVOT = 3;
/** Long enough to be killed before, short enough to be waited for. */
const SHORT_MS = 45_000;

type Boundary = {
  readonly title: string;
  readonly calls: readonly CallName[];
  readonly refused?: BranchId;
  readonly durable: Omit<StateAtDeath, 'records'>;
  /** Before the effect of the calls, and after it. */
  readonly records: readonly [before: Records, after: Records];
  readonly ends: KillScenario['ends'];
} & Pick<KillScenario, 'before' | 'isUnanswered' | 'after'>;

/** The calls are held before their effect: by when the process dies they have had none. */
export const beforeEffect = (): readonly KillScenario[] =>
  boundaries.map((one) => scenarioOf(one, 'holdRequest', 0));

/** Their effect is there, and the answers are held. */
export const afterEffect = (): readonly KillScenario[] =>
  boundaries.map((one) => scenarioOf(one, 'holdAnswer', 1));

/** No coordinator runs as their deadlines pass: transactions in trying are then cancelled, unless their pivot has run. */
export const pastDeadlines = (): readonly KillScenario[] =>
  [...beforeEffect(), ...afterEffect()]
    .filter(({ after }) => after !== cancelling.after)
    .map(({ atDeath, ends, ...scenario }) => {
      const hasPivotRun = atDeath.records[PIVOT] === 'done';
      const isLost = atDeath.status === 'trying' && !hasPivotRun;
      return { ...scenario, atDeath, timeoutMs: SHORT_MS, ends: isLost ? 'cancelled' : ends };
    });

function scenarioOf(boundary: Boundary, treatment: Treatment, at: 0 | 1): KillScenario {
  const { title, calls, durable, records, refused, ...given } = boundary;
  return {
    title,
    shape: saga,
    ...given,
    ...(refused && { refused }),
    script: Object.fromEntries(calls.map((call) => [call, treatment])),
    atDeath: { ...durable, records: records[at] },
  };
}

// ── What initiators do ───────────────────────────────────────────────────────────────────────────────────────

const declared = { before: (initiator: Initiator) => initiator.declare() };

/** The answer to this client dies with the coordinator; it sends the same begin with its key to the next one. */
const waiting = {
  before: (initiator: Initiator) => initiator.declareUntilEnded(),
  isUnanswered: true,
  after: (initiator: Initiator) => initiator.declare(),
} as const;

/** The answer of the pivot is not known, and decides alone; or it is, and has decided. */
const cancelling = {
  ...declared,
  async after(initiator: Initiator) {
    const code = await initiator.cancelInVain();
    if (code !== 'pivot_in_flight' && code !== 'decided_confirm')
      throw new Error(`a cancel after the pivot was refused with ${code}`);
    await initiator.read();
    const isNoted = initiator.told.at(-1)?.cancelAskedAt != null;
    if (isNoted !== (code === 'pivot_in_flight')) throw new Error('the wish to cancel was not kept');
  },
};

// ── What is durable ──────────────────────────────────────────────────────────────────────────────────────────

const NONE = [null, null, null, null, null] as const;
const UP_TO_PIVOT = ['succeeded', 'succeeded', 'succeeded', 'succeeded', null] as const;
const REFUSED_BOOK = ['succeeded', 'answered', 'refused', null, null] as const;
const REFUSED_CHARGE = ['succeeded', 'succeeded', 'succeeded', 'refused', null] as const;

const trying = (one: StateAtDeath['one']): Boundary['durable'] => ({
  status: 'trying',
  decision: null,
  one,
  two: NONE,
});
const cancelled = (one: StateAtDeath['one'], two: StateAtDeath['two'] = NONE): Boundary['durable'] => ({
  status: 'cancelling',
  decision: 'cancel',
  one,
  two,
});

const begun = trying(NONE);
const reserved = trying(['succeeded', null, null, null, null]);
/** The success of pay is not saved by itself, but with the next that must be. */
const reservedAndPaid = trying(['succeeded', 'answered', null, null, null]);
const pivotStarted = trying(['succeeded', 'succeeded', 'succeeded', null, null]);
const confirming: Boundary['durable'] = {
  status: 'confirming',
  decision: 'confirm',
  one: UP_TO_PIVOT,
  two: NONE,
};
const confirmed: Boundary['durable'] = {
  status: 'confirmed',
  decision: 'confirm',
  two: NONE,
  one: ['succeeded', 'succeeded', 'succeeded', 'succeeded', 'succeeded'],
};
const refusedAndUndone: Boundary['durable'] = {
  ...cancelled(REFUSED_CHARGE, ['succeeded', 'succeeded', 'succeeded', null, null]),
  status: 'cancelled',
};

// ── The boundaries ───────────────────────────────────────────────────────────────────────────────────────────

const boundaries: readonly Boundary[] = [
  {
    title: 'the first action',
    ...waiting,
    calls: ['reserve action'],
    durable: begun,
    records: [
      ['nothing', 'nothing', 'nothing', 'nothing', 'nothing'],
      ['done', 'nothing', 'nothing', 'nothing', 'nothing'],
    ],
    ends: 'confirmed',
  },
  {
    title: 'two actions side by side',
    ...declared,
    calls: ['pay action', 'book action'],
    durable: reserved,
    records: [
      ['done', 'nothing', 'nothing', 'nothing', 'nothing'],
      ['done', 'done', 'done', 'nothing', 'nothing'],
    ],
    ends: 'confirmed',
  },
  {
    title: 'one of two actions, when the other has succeeded',
    ...waiting,
    calls: ['book action'],
    durable: reservedAndPaid,
    records: [
      ['done', 'done', 'nothing', 'nothing', 'nothing'],
      ['done', 'done', 'done', 'nothing', 'nothing'],
    ],
    ends: 'confirmed',
  },
  {
    title: 'an action that is refused, when the one beside it has succeeded',
    ...declared,
    refused: 'book',
    calls: ['book action'],
    durable: reservedAndPaid,
    records: [
      ['done', 'done', 'nothing', 'nothing', 'nothing'],
      ['done', 'done', 'refused', 'nothing', 'nothing'],
    ],
    ends: 'cancelled',
  },
  {
    title: 'the pivot',
    ...declared,
    calls: ['charge action'],
    durable: pivotStarted,
    records: [
      ['done', 'done', 'done', 'nothing', 'nothing'],
      ['done', 'done', 'done', 'done', 'nothing'],
    ],
    ends: 'confirmed',
  },
  {
    title: 'the pivot, and then somebody asks to cancel',
    ...cancelling,
    calls: ['charge action'],
    durable: pivotStarted,
    records: [
      ['done', 'done', 'done', 'nothing', 'nothing'],
      ['done', 'done', 'done', 'done', 'nothing'],
    ],
    ends: 'confirmed',
  },
  {
    title: 'the pivot, which is refused',
    ...waiting,
    refused: 'charge',
    calls: ['charge action'],
    durable: pivotStarted,
    records: [
      ['done', 'done', 'done', 'nothing', 'nothing'],
      ['done', 'done', 'done', 'refused', 'nothing'],
    ],
    ends: 'cancelled',
  },
  {
    title: 'the action after the pivot',
    ...waiting,
    calls: ['send action'],
    durable: confirming,
    records: [
      ['done', 'done', 'done', 'done', 'nothing'],
      ['done', 'done', 'done', 'done', 'done'],
    ],
    ends: 'confirmed',
  },
  {
    title: 'two compensates side by side, of which one finds nothing to undo',
    ...declared,
    refused: 'book',
    calls: ['pay compensate', 'book compensate'],
    durable: cancelled(REFUSED_BOOK),
    records: [
      ['done', 'done', 'refused', 'nothing', 'nothing'],
      ['done', 'compensated', 'tombstone', 'nothing', 'nothing'],
    ],
    ends: 'cancelled',
  },
  {
    title: 'two compensates after the refusal of the pivot',
    ...waiting,
    refused: 'charge',
    calls: ['pay compensate', 'book compensate'],
    durable: cancelled(REFUSED_CHARGE),
    records: [
      ['done', 'done', 'done', 'refused', 'nothing'],
      ['done', 'compensated', 'compensated', 'refused', 'nothing'],
    ],
    ends: 'cancelled',
  },
  {
    title: 'one of two compensates, when the other has succeeded',
    ...declared,
    refused: 'charge',
    calls: ['pay compensate'],
    durable: cancelled(REFUSED_CHARGE, [null, null, 'answered', null, null]),
    records: [
      ['done', 'done', 'compensated', 'refused', 'nothing'],
      ['done', 'compensated', 'compensated', 'refused', 'nothing'],
    ],
    ends: 'cancelled',
  },
  {
    title: 'the last compensate',
    ...waiting,
    refused: 'charge',
    calls: ['reserve compensate'],
    durable: cancelled(REFUSED_CHARGE, [null, 'succeeded', 'succeeded', null, null]),
    records: [
      ['done', 'compensated', 'compensated', 'refused', 'nothing'],
      ['compensated', 'compensated', 'compensated', 'refused', 'nothing'],
    ],
    ends: 'cancelled',
  },
  {
    title: 'the notice that all is confirmed',
    ...declared,
    calls: ['notify'],
    durable: confirmed,
    records: [
      ['done', 'done', 'done', 'done', 'done'],
      ['done', 'done', 'done', 'done', 'done'],
    ],
    ends: 'confirmed',
  },
  {
    title: 'the notice that all is cancelled',
    ...declared,
    refused: 'charge',
    calls: ['notify'],
    durable: refusedAndUndone,
    records: [
      ['compensated', 'compensated', 'compensated', 'refused', 'nothing'],
      ['compensated', 'compensated', 'compensated', 'refused', 'nothing'],
    ],
    ends: 'cancelled',
  },
];
