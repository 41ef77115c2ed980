/**
 * For tests of one's own: a coordinator in memory, participants that are real or scripted, and an initiator, in one process
 * and by a clock of their own.
 */
export type { ExpectedEnd } from './expected-end.ts';
export { UnexpectedEnd } from './expected-end.ts';
export type { Hold } from './held-calls.ts';
export type { Effect, RecordedCall } from './recorded-call.ts';
export type { Script } from './script.ts';
export { type Scripted, type ScriptedResults, scripted } from './scripted.ts';
export type { Backoff, WorldSettings } from './settings.ts';
export {
  createTestWorld,
  type Listening,
  type Participating,
  type TestWorld,
  type WorldOptions,
} from './world.ts';
