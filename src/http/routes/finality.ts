/** Which transactions are over for good, for participants that clean up what their barriers remember. */
import { FinalityRequest, FinalityView } from '../../wire/index.ts';
import type { Coordinator, Ends } from '../../application/coordinator.ts';
import { answer, problems } from '../answers.ts';
import { iso, isoOrNull } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

export function finalityRoutes(app: App, { coordinator }: { coordinator: Coordinator }): void {
  app.post(
    '/v1/transactions/finality',
    {
      schema: {
        tags: ['transactions'],
        summary: 'Ask which transactions are final',
        description: 'A question for many at once, which changes nothing.',
        body: FinalityRequest,
        response: { 200: answer(FinalityView, 'Those that the coordinator has.'), ...problems },
      },
    },
    async ({ body }) => finalityView(await coordinator.endsOf(body.gids)),
  );
}

export const finalityView = ({ now, retentionMs, ends }: Ends): FinalityView => ({
  now: iso(now),
  retentionMs,
  transactions: ends.map(({ gid, isFinal, deadlineAt, finishedAt }) => ({
    ...{ gid, isFinal },
    ...{ deadlineAt: iso(deadlineAt), finishedAt: isoOrNull(finishedAt) },
  })),
});
