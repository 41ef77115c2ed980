/** The probes: `/livez` says that the process answers, `/readyz` that it can serve. */
import { LiveView, ReadyView } from '../../wire/index.ts';
import type { Readiness } from '../../application/engine.ts';
import { answer, problems } from '../answers.ts';
import { sendProblem } from '../problem.ts';
import type { App } from '../typed-app.ts';

const tags = ['health'];

type HealthParts = {
  /** Rejects while requests cannot be served. */
  readonly checkReady: () => Promise<Readiness>;
  /** Requests are still served, but no new ones are wanted. */
  readonly isDraining: () => boolean;
};

export function healthRoutes(app: App, { checkReady, isDraining }: HealthParts): void {
  app.get(
    '/livez',
    { schema: { tags, summary: 'Is the process alive?', response: { 200: answer(LiveView, 'It is.') } } },
    () => ({ status: 'live' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags,
        summary: 'Can requests be served?',
        response: { 200: answer(ReadyView, 'They can.'), ...problems },
      },
    },
    async (request, reply) => {
      if (isDraining()) return sendProblem(reply, 'stopping');
      try {
        return VIEWS[await checkReady()];
      } catch (error) {
        request.log.error({ err: error }, 'not ready');
        return sendProblem(reply, 'not_ready');
      }
    },
  );
}

const VIEWS: Readonly<Record<Readiness, ReadyView>> = {
  ready: { status: 'ready' },
  degraded: {
    status: 'degraded',
    reason:
      'Redis cannot be reached: transactions go on, woken by the timers of this process and by the recovery scan',
  },
};
