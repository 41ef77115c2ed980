/**
 * What a service installs to take part in global transactions, and to begin them.
 *
 * - `defineContract`, `defineParticipant`: the participant's side; `@tercet/sdk/fastify`, `/express` and `/node-http` mount it
 * - `@tercet/sdk/barrier/mysql2`, `/pg`, `/sqlite` and `/typeorm`: the barrier in the participant's own database
 * - `Tercet`: the initiator's side
 * - `@tercet/sdk/testing`: the coordinator in memory, for tests of your own
 * - `@tercet/sdk/check`, and `npx tercet check`: whether a service bears what a coordinator does to it
 */
export type { Barrier, BarrierCall, Known, KnownOutside, Passed } from './barrier/barrier.ts';
export type { CleanUpOptions, CleanUpReport } from './barrier/clean-up.ts';
export type { Call } from './call.ts';
export {
  type Activities,
  type Activity,
  type Contract,
  defineContract,
  type PayloadOf,
  type ResultOf,
} from './contract.ts';
export type { Participant, ParticipantAnswer, ParticipantRequest } from './participant/participant.ts';
export { InProgress, Refusal, type RefusalCode } from './refusal.ts';
