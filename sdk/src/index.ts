/**
 * What a service installs to take part in global transactions, and to begin them.
 *
 * - `defineContract`, `defineParticipant`: the participant's side; `@tercet/sdk/fastify`, `/express` and `/node-http` mount it
 * - `@tercet/sdk/barrier/mysql2`, `/pg`, `/sqlite` and `/typeorm`: the barrier in the participant's own database
 * - `Tercet`: the initiator's side; `saga` builds what it may submit, `defineListener` receives the end
 * - `@tercet/sdk/testing`: the coordinator in memory, for tests of your own
 * - `@tercet/sdk/check`, and `npx tercet check`: whether a service bears what a coordinator does to it
 */
export type { Barrier, BarrierCall, Known, KnownOutside, Passed } from './barrier/barrier.ts';
export type { CleanUpOptions, CleanUpReport } from './barrier/clean-up.ts';
export { accepted, type Accepted } from './accepted.ts';
export type { AcceptedCall, Call } from './call.ts';
export {
  type Activities,
  type Activity,
  type ActivityHandle,
  type Contract,
  type DefinedContract,
  defineContract,
  type KindOf,
  type PayloadOf,
  type ResultOf,
} from './contract.ts';
export { currentCall } from './current-call.ts';
export { branch } from './initiator/branch.ts';
export {
  ActionRefused,
  CoordinatorUnavailable,
  OutcomeUnknown,
  RequestRejected,
  TercetError,
  TransactionCancelled,
  TransactionDiverged,
  TransactionTimedOut,
  TryNotSent,
  TryRefused,
  TryUnknown,
} from './initiator/errors.ts';
export type { Registration } from './initiator/registration.ts';
export { Tercet } from './initiator/tercet.ts';
export type { Timing } from './initiator/timing.ts';
export type {
  Callable,
  DeclaredBranch,
  RunOptions,
  RunOutcome,
  SubmitBranches,
  SubmitOptions,
  SubmitOutcome,
  SubmitSaga,
  TercetOptions,
  Transaction,
  TryOptions,
} from './initiator/types.ts';
export { defineListener, type Listener, type ListenerOptions } from './listener/define-listener.ts';
export type {
  ActivityOps,
  InsideActionContext,
  InsideCompensateContext,
  InsideContext,
  Outside,
  OutsideActionContext,
  OutsideCompensateContext,
  OutsideContext,
} from './participant/activity-ops.ts';
export type { CompleteOptions, Completion, DefinedParticipant } from './participant/completion.ts';
export { defineParticipant, type ParticipantOptions } from './participant/define-participant.ts';
export type { Participant } from './participant/participant.ts';
export { NotCompleted, type NotCompletedCode } from './not-completed.ts';
export { InProgress, Refusal, type RefusalCode } from './refusal.ts';
export type { Mountable, ParticipantAnswer, ParticipantRequest, Route } from './serving/mountable.ts';
export type { Reference, WithReferences } from './initiator/saga/reference.ts';
export { type Saga, type SagaDefinition, saga } from './initiator/saga/saga.ts';
