/**
 * Deciding, and retrying what is decided. Each can be repeated; a request for the opposite of the decision is refused with
 * the decision that stands.
 */
import { type TSchema, Type } from 'typebox';
import type { Coordinator, Outcome } from '../application/coordinator.ts';
import { CancelRequest, ConfirmRequest, Gid, TransactionView } from '../wire/index.ts';
import { noBody } from './no-body.ts';
import { prefer, type WaitForEnd, waitMsOf } from './prefer-wait.ts';
import { rejection } from './problem-document.ts';
import { answer, type Route, route, success } from './route.ts';
import { endAnswer } from './transaction-answer.ts';
import { type Annotate, transactionView } from './transaction-view.ts';

const params = Type.Object({ gid: Gid });

export function decisionRoutes(given: {
  readonly coordinator: Coordinator;
  readonly waitForEnd: WaitForEnd;
  readonly annotate: Annotate;
}): readonly Route[] {
  const { coordinator, waitForEnd, annotate } = given;
  const decided = async (outcome: Outcome, preferred: string | undefined) => {
    if (!outcome.accepted) return rejection(outcome);
    return endAnswer(await waitForEnd(outcome.saved, waitMsOf(preferred)), annotate);
  };
  return [
    route({
      ...decision('confirm', 'confirmTransaction', 'Decide to confirm'),
      schemas: deciding(ConfirmRequest),
      handle: async ({ params, body, headers }) =>
        decided(await coordinator.confirm(params.gid, body?.branchIds), headers.prefer),
    }),
    route({
      ...decision('cancel', 'cancelTransaction', 'Decide to cancel'),
      description:
        'While only the answer of the pivot of a saga can decide, it is refused with pivot_in_flight, and the request is shown ' +
        'as cancelAskedAt.',
      schemas: deciding(CancelRequest),
      handle: async ({ params, body, headers }) =>
        decided(await coordinator.cancel(params.gid, body?.note), headers.prefer),
    }),
    route({
      ...decision(
        'retry',
        'retryTransaction',
        'Call every waiting and parked branch, and an undelivered callback, now',
      ),
      schemas: {
        params,
        body: noBody,
        answers: { 200: answer(TransactionView, 'Its open calls are due now.') },
      },
      async handle({ params }) {
        const outcome = await coordinator.retry(params.gid);
        if (!outcome.accepted) return rejection(outcome);
        return success(200, transactionView(outcome.saved.tx, annotate));
      },
    }),
    route({
      ...decision(
        'release',
        'releaseTransaction',
        'End the quarantine of a transaction whose rows were repaired',
      ),
      description:
        'Its rows are checked again. While they do not add up, it stays in quarantine, and this is answered with 409.',
      schemas: {
        params,
        body: noBody,
        answers: { 200: answer(TransactionView, 'Its rows add up, and it is carried on.') },
      },
      async handle({ params }) {
        const outcome = await coordinator.release(params.gid);
        if (!outcome.accepted) return rejection(outcome);
        return success(200, transactionView(outcome.saved.tx, annotate));
      },
    }),
  ];
}

const decision = (last: string, operationId: string, summary: string) =>
  ({
    method: 'POST',
    path: `/v1/transactions/:gid/${last}`,
    operationId,
    access: 'token',
    tag: 'transactions',
    summary,
  }) as const;

const deciding = <Body extends TSchema>(body: Body) => ({
  params,
  body,
  headers: Type.Object({ prefer }),
  answers: {
    200: answer(TransactionView, 'The transaction has ended so.'),
    202: answer(TransactionView, 'It is decided, and not finished.'),
  },
});
