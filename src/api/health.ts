/** The probes: `/livez` says that the process answers, `/readyz` that it can serve. */
import type { Readiness } from '../application/engine.ts';
import type { Log } from '../application/ports.ts';
import { LiveView, ReadyView } from '../wire/index.ts';
import { problem } from './problem-document.ts';
import { answer, type Route, route, success } from './route.ts';

const probe = { method: 'GET', access: 'open', tag: 'health' } as const;

export const healthRoutes = ({
  checkReady,
  isDraining,
  log,
}: {
  readonly checkReady: () => Promise<Readiness>;
  readonly isDraining: () => boolean;
  readonly log: Log;
}): readonly Route[] => [
  route({
    ...probe,
    path: '/livez',
    operationId: 'getLiveness',
    summary: 'Is the process alive?',
    schemas: { answers: { 200: answer(LiveView, 'It is.') } },
    handle: async () => success(200, { status: 'live' as const }),
  }),
  route({
    ...probe,
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Can requests be served?',
    schemas: { answers: { 200: answer(ReadyView, 'They can.') } },
    async handle() {
      if (isDraining()) return problem('stopping');
      try {
        return success(200, viewOf(await checkReady()));
      } catch (error) {
        log.error('not ready', error);
        return problem('not_ready');
      }
    },
  }),
];

const viewOf = (readiness: Readiness): ReadyView => (readiness === 'ready' ? { status: 'ready' } : readiness);
