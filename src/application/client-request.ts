/** A client's request on its way through a drive: as the coordinator makes it, while it is pending, and once it is judged. */
import type { Completed, Event, Now, Verdict } from '../domain/index.ts';
import type { Saved } from './ports.ts';

/**
 * What a participant reports of a call that it has received. It is judged by the newest durable state: an older one would reject
 * it, and what is not durable was not called (I9).
 */
export type Completion = Pick<Completed, 'branchId' | 'op' | 'reply'> & {
  /** Why it refuses; null without. */
  readonly reason: string | null;
};

/** `begin` marks the request that makes the transaction; `mayExist` is false only for a gid that was made just now. */
export type ClientRequest = {
  readonly eventAt: (now: Now) => Event;
  readonly completion?: Completion;
  readonly begin?: { readonly beginKey: string | null; readonly mayExist: boolean };
};

/** The verdict on a request, and the durable state on which it was given. */
export type DurableVerdict = {
  readonly verdict: Verdict;
  readonly saved: Saved | null;
  readonly isChanged: boolean;
};

/** `lost`: another transaction took the gid or the key of this begin, which only the coordinator can look up. */
export type PendingRequest = ClientRequest & {
  readonly resolve: (verdict: DurableVerdict | 'lost') => void;
  readonly reject: (error: unknown) => void;
};

/** What it was judged by is not durable yet. */
export type JudgedRequest = Omit<DurableVerdict, 'saved'> & { readonly request: PendingRequest };
