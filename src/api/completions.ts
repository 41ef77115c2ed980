/**
 * Completing a branch from outside: by an API token, or by the signed URL that its call carried. The signature is verified before
 * anything is looked up, and speaks for one op of one branch.
 */
import { Type } from 'typebox';
import type { Coordinator } from '../application/coordinator.ts';
import type { CompletionUrls } from '../wire/completion-urls.ts';
import { BranchId, CompletionRequest, CompletionView, Gid } from '../wire/index.ts';
import { faultsProblem, problem, rejection } from './problem-document.ts';
import { answer, type Problem, type Route, route, success } from './route.ts';

export const completionRoutes = ({
  coordinator,
  completionUrls,
}: {
  readonly coordinator: Coordinator;
  /** Null where no URLs are signed. */
  readonly completionUrls: CompletionUrls | null;
}): readonly Route[] => [
  route({
    method: 'POST',
    path: '/v1/transactions/:gid/branches/:branchId/complete',
    operationId: 'completeBranch',
    access: 'token-or-signature',
    tag: 'transactions',
    summary: 'Complete an op of a branch from outside',
    description:
      'Its participant reports how the op ended, once its own record says so. Accepted once the call may have been sent. The same ' +
      'completion again answers the same. Only a try, and an action up to the pivot, can be refused.',
    schemas: {
      params: Type.Object({ gid: Gid, branchId: BranchId }),
      query: Type.Object({
        signature: Type.Optional(
          Type.String({
            description: 'Of the URL in tcc-completion-url of the call; then no token is needed.',
          }),
        ),
      }),
      body: CompletionRequest,
      answers: { 200: answer(CompletionView, 'The op has ended so.') },
    },
    async handle({ params, query: { signature }, body }) {
      const { op, reply } = body;
      if (signature !== undefined && !completionUrls?.isSigned({ ...params, op }, signature))
        return problem('wrong_signature');
      const fault = contradictionIn(body);
      if (fault !== null) return fault;
      const { gid, branchId } = params;
      const outcome = await coordinator.complete(gid, { branchId, ...body });
      if (!outcome.accepted && outcome.code === 'completed_differently')
        return problem(outcome.code, { about: otherOutcomeThan(body) });
      if (!outcome.accepted) return rejection(outcome);
      return success(200, { gid, branchId, op, reply, status: outcome.saved.tx.status });
    },
  }),
];

/** How an op has ended that has not ended like this. Only results of actions are compared. */
function otherOutcomeThan({ op, reply }: CompletionRequest): string {
  if (reply === 'refused') return 'It has succeeded.';
  return op === 'action' ? 'It was refused, or has succeeded with another result.' : 'It was refused.';
}

function contradictionIn({ reply, result, reason }: CompletionRequest): Problem | null {
  const faultAt = (pointer: string, detail: string): Problem => ({
    problem: faultsProblem([{ pointer, detail }]),
  });
  if (reply === 'refused' && result !== undefined) return faultAt('#/result', 'is only for succeeded');
  return reply === 'succeeded' && reason !== undefined ? faultAt('#/reason', 'is only for refused') : null;
}
