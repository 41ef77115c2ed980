/**
 * The call that is being worked on, for code deep below an op: a log that names the transaction, or a client
 * that continues its trace.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Call } from './call.ts';

const calls = new AsyncLocalStorage<Call>();

/** The call whose op this code was called from, also after an await; null outside of ops. */
export const currentCall = (): Call | null => calls.getStore() ?? null;

export const duringCall = <T>(call: Call, work: () => T): T => calls.run(call, work);
