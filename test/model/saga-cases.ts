/** The bounds within which sagas are explored; the tests print them. The deadline may pass in every world. */
import { ALL_TOGETHER, bad } from './tcc-cases.ts';
import type { Case } from './exploration.ts';
import { OUT_OF_REACH } from './ledger.ts';
import { type Plan, plan } from './saga-plan.ts';
import type { Budget } from './world.ts';

const two = { a: [], b: ['a'] };
const chain = { a: [], b: ['a'], c: ['b'] };
const fork = { a: [], b: ['a'], c: ['a'] };
const join = { a: [], b: [], c: ['a', 'b'] };
const joinAndOn = { ...join, d: ['c'] };
const diamond = { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] };

/** The pivot in each place where there may be one, and none. */
const OF_TWO = [plan(two), plan(two, { pivot: 'a' }), plan(two, { pivot: 'b' })];
const CHAINS = [
  plan(chain),
  plan(chain, { pivot: 'a' }),
  plan(chain, { pivot: 'b' }),
  plan(chain, { pivot: 'c' }),
  // Here a has to wait for c, though nothing between them is undone.
  plan(chain, { notCompensated: 'b' }),
];
const FORKS = [plan(fork), plan(fork, { pivot: 'a' })];
const JOINS = [plan(join), plan(join, { pivot: 'c' })];

const DIAMONDS = [plan(diamond), plan(diamond, { pivot: 'd' })];

const SAID_NO = { refusedTries: 1, brokenAnswers: 1 };
const WITHOUT_STALL = { ...ALL_TOGETHER, ...SAID_NO, stalls: 0 };
const WITH_STALL = bad({ ...SAID_NO, stalls: 1, crashes: 1 });
/** Here one unknown answer parks what the deadline does not end, and a person retries it. */
const PARKED = bad({ brokenAnswers: 2, crashes: 1, retries: 2 });

const of = (plans: readonly Plan[], budget: Budget, retryBudget = OUT_OF_REACH): readonly Case[] =>
  plans.map((each) => ({
    mode: 'declared',
    plan: each,
    branchCount: each.steps.length,
    budget,
    retryBudget,
  }));

const besides = (plans: readonly Plan[], budget: Budget): readonly Case[] =>
  of(plans, budget).map((each) => ({ ...each, bothDrive: true }));

/** Here participants accept calls and complete them later. */
const OUTSIDE = { acceptances: 1, refusedTries: 1, lateDeliveries: 1 };

export const SAGAS: readonly Case[] = [
  ...of(OF_TWO, { ...ALL_TOGETHER, ...SAID_NO }),
  ...of(CHAINS, ALL_TOGETHER),
  ...of([...CHAINS, ...FORKS, ...JOINS], WITHOUT_STALL),
  ...of([...CHAINS, ...FORKS], WITH_STALL),
  ...of(JOINS, bad({ lateDeliveries: 1, stalls: 1, refusedTries: 1 })),
  ...of([...OF_TWO, ...CHAINS, ...FORKS, ...JOINS], PARKED, 1),
  ...of(DIAMONDS, bad({ lateDeliveries: 1, refusedTries: 1, stalls: 1 })),
  ...of([plan(joinAndOn, { pivot: 'c' })], bad({ ...SAID_NO, losses: 1, lateDeliveries: 1 })),
  ...of([...OF_TWO, ...CHAINS, ...FORKS], bad({ ...OUTSIDE, acceptances: 2, losses: 1 })),
  ...of(OF_TWO, bad({ ...OUTSIDE, stalls: 1, crashes: 1 })),
  ...of(JOINS, bad({ ...OUTSIDE, losses: 1 })),
  ...of(OF_TWO, bad({ acceptances: 2, brokenAnswers: 2, retries: 1 }), 1),
  ...besides(OF_TWO, bad({ losses: 1, lateDeliveries: 1, stalls: 1, refusedTries: 1 })),
  ...besides([plan(chain, { pivot: 'c' })], bad({ lateDeliveries: 1, stalls: 1, refusedTries: 1 })),
];

/** Small enough to run once a mutant, and enough to catch each. */
export const SMALL_SAGAS: readonly Case[] = [
  ...of(CHAINS, bad({ lateDeliveries: 1, refusedTries: 1, brokenAnswers: 1 })),
  ...of([...FORKS, ...JOINS], bad({ refusedTries: 1, lateDeliveries: 1 })),
  ...of(OF_TWO, bad({ lateDeliveries: 1, stalls: 1, refusedTries: 1 })),
  ...of(OF_TWO, bad({ brokenAnswers: 2, retries: 1 }), 1),
  ...of(OF_TWO, bad({ ...OUTSIDE, losses: 1 })),
];
