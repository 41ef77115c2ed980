/** The domain's face: what the application may use of it. */
export { branchReply, REFUSALS } from './branch-reply.ts';
export { contradictionIn } from './contradiction.ts';
export * from './global-transaction.ts';
export { eachKey, endOfString, endOfValue, type Key, nameOf, pathTo } from './json-text.ts';
export { isServed, type Kind, kindOf, SERVED_KINDS } from './kind.ts';
export {
  callsOf,
  hasPlan,
  type OpenCall,
  openCalls,
  opsOf,
  upstreamOf,
  withUsualWaits,
} from './open-calls.ts';
export {
  type WakeReason,
  type Pending,
  type PendingCall,
  pendingCalls,
  stepOf,
  wantedOf,
} from './pending-calls.ts';
export {
  DEFAULT_POLL_BUDGET_MS,
  DEFAULT_RETRY_BUDGET_MS,
  isGivenUp,
  MIN_ATTEMPTS,
} from './retry-policy.ts';
export { isCall, isSameButForCounts, isSameStored, mayLag, type SaveNeed, saveNeed } from './save-need.ts';
export {
  type Begun,
  type Completed,
  type Event,
  type Rejection,
  type Replied,
  transition,
  type Verdict,
} from './transition.ts';
