/** What begins a transaction. With `branches` it is declared, and runs by itself; without, it is interactive. */
import { type Static, Type } from 'typebox';
import { CallbackRequest } from './callback.ts';
import { callSettings } from './call-settings.ts';
import { DeclaredBranchRequest } from './step.ts';
import { Gid, MAX_TIMEOUT_MS, Pattern, text } from './vocabulary.ts';

export const BeginRequest = Type.Object(
  {
    gid: Type.Optional(Gid),
    pattern: Type.Optional(Pattern),
    name: Type.Optional(text('What kind of transaction this is, for people and for searching.')),
    businessKey: Type.Optional(text("The initiator's own key, such as an order number, for searching.")),
    inputHash: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{64}$',
        description:
          'SHA-256, as 64 digits 0-9 a-f, of what the transaction is about. It is compared like the rest of the request and ' +
          'not stored: another input with the same Idempotency-Key is refused, also where branches come later.',
      }),
    ),
    timeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_TIMEOUT_MS,
        description:
          'How long after its beginning the transaction is cancelled if nothing was decided, in milliseconds; up to ' +
          '366 days, where the coordinator permits it. When absent, the default of the coordinator.',
      }),
    ),
    ...callSettings,
    branches: Type.Optional(
      Type.Array(DeclaredBranchRequest, {
        minItems: 1,
        maxItems: 100,
        description:
          'All branches, whose tries the coordinator calls; of a saga its steps. Absent for an interactive transaction.',
      }),
    ),
    callback: Type.Optional(CallbackRequest),
  },
  { title: 'BeginRequest', additionalProperties: false, description: 'Begins a global transaction.' },
);
export type BeginRequest = Static<typeof BeginRequest>;
