/** The bounds within which the protocol is explored; the tests print them. The deadline may pass in every world. */
import type { Case } from './exploration.ts';
import { OUT_OF_REACH } from './ledger.ts';
import type { Budget } from './world.ts';

const NO_FAULTS: Budget = {
  losses: 0,
  duplicates: 0,
  lateDeliveries: 0,
  stalls: 0,
  crashes: 0,
  refusedTries: 0,
  brokenAnswers: 0,
  acceptances: 0,
  retries: 0,
};

/** All that a network and a process can do, once each. */
export const ALL_TOGETHER: Budget = {
  ...NO_FAULTS,
  losses: 1,
  duplicates: 1,
  lateDeliveries: 1,
  stalls: 1,
  crashes: 1,
};

export const bad = (budget: Partial<Budget>): Budget => ({ ...NO_FAULTS, ...budget });
const declared = { mode: 'declared', retryBudget: OUT_OF_REACH, plan: null } as const;
const interactive = { mode: 'interactive', retryBudget: OUT_OF_REACH, plan: null } as const;

export const CASES_OF_TWO: readonly Case[] = [
  { ...declared, branchCount: 2, budget: ALL_TOGETHER },
  { ...declared, branchCount: 2, budget: { ...ALL_TOGETHER, stalls: 0, refusedTries: 1, brokenAnswers: 1 } },
  { ...declared, branchCount: 2, budget: bad({ stalls: 1, crashes: 1, refusedTries: 1, brokenAnswers: 1 }) },
  { ...interactive, branchCount: 2, budget: ALL_TOGETHER },
  { ...interactive, branchCount: 2, budget: { ...ALL_TOGETHER, stalls: 0, refusedTries: 1 } },
  // Here one unknown answer parks a branch, and a person retries it.
  { ...declared, retryBudget: 1, branchCount: 2, budget: bad({ brokenAnswers: 2, crashes: 1, retries: 2 }) },
  { ...interactive, retryBudget: 2, branchCount: 2, budget: bad({ brokenAnswers: 3, retries: 1 }) },
  // Here the same unknown answers are counted in memory, and a replica that takes over does not know of them.
  { ...declared, branchCount: 2, budget: bad({ brokenAnswers: 3, stalls: 1, crashes: 1 }) },
  // Here participants accept calls and complete them later.
  { ...declared, branchCount: 2, budget: bad({ acceptances: 1, refusedTries: 1, losses: 1, stalls: 1 }) },
  {
    ...declared,
    branchCount: 2,
    budget: bad({ acceptances: 2, refusedTries: 1, brokenAnswers: 1, lateDeliveries: 1, crashes: 1 }),
  },
  { ...interactive, branchCount: 2, budget: bad({ acceptances: 2, losses: 1, crashes: 1 }) },
  {
    ...declared,
    retryBudget: 1,
    branchCount: 2,
    budget: bad({ acceptances: 1, brokenAnswers: 2, crashes: 1, retries: 1 }),
  },
];

/** Three branches have too many worlds for all faults together: the stall goes without duplicates, or is a case of its own. */
export const CASES_OF_THREE: readonly Case[] = [
  { ...declared, branchCount: 3, budget: { ...ALL_TOGETHER, duplicates: 0 } },
  { ...declared, branchCount: 3, budget: { ...ALL_TOGETHER, stalls: 0, refusedTries: 1 } },
  { ...declared, branchCount: 3, budget: bad({ lateDeliveries: 1, stalls: 1, refusedTries: 1 }) },
  { ...interactive, branchCount: 3, budget: { ...ALL_TOGETHER, stalls: 0 } },
  { ...interactive, branchCount: 3, budget: bad({ lateDeliveries: 1, stalls: 1 }) },
];

/** Small enough to run once a mutant, and enough to catch each. */
export const SMALL_CASES: readonly Case[] = [
  {
    ...declared,
    branchCount: 2,
    budget: bad({ losses: 1, lateDeliveries: 1, refusedTries: 1, brokenAnswers: 1 }),
  },
  { ...declared, branchCount: 2, budget: bad({ stalls: 1, lateDeliveries: 1 }) },
  { ...declared, retryBudget: 1, branchCount: 2, budget: bad({ brokenAnswers: 1, retries: 1 }) },
  { ...declared, retryBudget: 2, branchCount: 1, budget: bad({ brokenAnswers: 2 }) },
  { ...declared, branchCount: 2, budget: bad({ acceptances: 1, losses: 1, refusedTries: 1 }) },
  { ...declared, retryBudget: 1, branchCount: 2, budget: bad({ acceptances: 1, brokenAnswers: 1 }) },
  { ...declared, branchCount: 1, budget: bad({ acceptances: 1, losses: 1, stalls: 1 }) },
  {
    ...interactive,
    branchCount: 2,
    budget: bad({ losses: 1, lateDeliveries: 1, stalls: 1, brokenAnswers: 1 }),
  },
];

export function wordsOf({ mode, branchCount, budget, retryBudget, plan, bothDrive }: Case): string {
  const faults = Object.entries(budget)
    .filter(([, count]) => count > 0)
    .map(([fault, count]) => `${fault} ${count}`);
  const parks = retryBudget < OUT_OF_REACH ? [`parks after ${retryBudget}`] : [];
  const drivers = bothDrive ? ['both replicas drive'] : [];
  const what = plan === null ? `${mode}, ${branchCount} branches` : `saga ${plan.words}`;
  return [`${what}: deadline`, ...faults, ...parks, ...drivers].join(', ');
}
