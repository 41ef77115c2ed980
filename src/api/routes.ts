/** The API as one list, whose order means nothing. `/openapi.json` describes it. */
import type { Coordinator } from '../application/coordinator.ts';
import type { Readiness } from '../application/engine.ts';
import type { Log } from '../application/ports.ts';
import type { CompletionUrls } from '../wire/completion-urls.ts';
import { completionRoutes } from './completions.ts';
import { decisionRoutes } from './decisions.ts';
import { finalityRoutes } from './finality.ts';
import { healthRoutes } from './health.ts';
import { historyRoutes } from './history.ts';
import { listRoutes } from './list.ts';
import { participantRoutes } from './participants.ts';
import { endOfWait } from './prefer-wait.ts';
import type { Route } from './route.ts';
import { type Annotate, traceUrlOf } from './transaction-view.ts';
import { transactionRoutes } from './transactions.ts';

export type ApiParts = {
  readonly coordinator: Coordinator;
  /** Aborted when the server stops: requests that wait are answered then. */
  readonly closing: AbortSignal;
  /** Rejects while requests cannot be served. */
  readonly checkReady: () => Promise<Readiness>;
  /** True while requests are still served and no new ones are wanted. */
  readonly isDraining: () => boolean;
  /** The longest `callTimeoutMs` that a participant may be registered with. */
  readonly maxCallTimeoutMs: number;
  /** The calls to one participant that this process makes at the same time. */
  readonly participantConcurrency: number;
  /** Why an address is never called, where that can be read from it; null for any other. */
  readonly whyNeverCalled: (url: string) => string | null;
  /** Link to a trace, with `{traceId}` in it; empty for none. */
  readonly traceUrlTemplate: string;
  /** The signed URLs by which branches are completed; null where there are none. */
  readonly completionUrls: CompletionUrls | null;
  readonly log: Log;
};

export function apiRoutes(given: ApiParts): readonly Route[] {
  const { coordinator, closing, traceUrlTemplate } = given;
  const waitForEnd = endOfWait(coordinator, closing);
  const annotate: Annotate = (tx) => ({
    needsAttention: coordinator.needsAttention(tx),
    explanation: coordinator.explain(tx),
    traceUrl: traceUrlOf(traceUrlTemplate, tx),
  });
  return [
    ...transactionRoutes({ coordinator, waitForEnd, annotate }),
    ...decisionRoutes({ coordinator, waitForEnd, annotate }),
    ...completionRoutes(given),
    ...historyRoutes({ coordinator, annotate }),
    ...finalityRoutes({ coordinator }),
    ...listRoutes({ coordinator, annotate }),
    ...participantRoutes(given),
    ...healthRoutes(given),
  ];
}
