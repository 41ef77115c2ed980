/** Which transactions are over for good, for participants that clean up what their barriers remember. */
import type { Coordinator, Ends } from '../application/coordinator.ts';
import { FinalityRequest, FinalityView } from '../wire/index.ts';
import { answer, type Route, route, success } from './route.ts';
import { iso, isoOrNull } from './transaction-view.ts';

export const finalityRoutes = ({ coordinator }: { readonly coordinator: Coordinator }): readonly Route[] => [
  route({
    method: 'POST',
    path: '/v1/transactions/finality',
    operationId: 'getFinality',
    access: 'token',
    tag: 'transactions',
    summary: 'Ask which transactions are final',
    description: 'A question for many at once, which changes nothing.',
    schemas: {
      body: FinalityRequest,
      answers: { 200: answer(FinalityView, 'Those that the coordinator has.') },
    },
    handle: async ({ body }) => success(200, finalityView(await coordinator.endsOf(body.gids))),
  }),
];

const finalityView = ({ now, retentionMs, ends }: Ends): FinalityView => ({
  now: iso(now),
  retentionMs,
  transactions: ends.map(({ gid, isFinal, deadlineAt, finishedAt }) => ({
    gid,
    isFinal,
    deadlineAt: iso(deadlineAt),
    finishedAt: isoOrNull(finishedAt),
  })),
});
