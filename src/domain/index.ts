/** The domain's face: what the application may use of it. */
export { branchReply, REFUSALS } from './branch-reply.ts';
export * from './global-transaction.ts';
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
  PARKED_CHECK_MS,
  type Pending,
  type PendingCall,
  pendingCalls,
  stepOf,
} from './pending-calls.ts';
export { isCall, isSameStored, type SaveNeed, saveNeed } from './save-need.ts';
export {
  type Begun,
  type Event,
  type Rejection,
  type Replied,
  transition,
  type Verdict,
} from './transition.ts';
