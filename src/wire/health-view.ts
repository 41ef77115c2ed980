/** What the probes of an orchestrator are answered. */
import { type Static, Type } from 'typebox';

export const LiveView = Type.Object(
  { status: Type.Enum(['live'], { type: 'string', description: 'The process runs.' }) },
  { title: 'LiveView', additionalProperties: false, description: 'The process runs and answers.' },
);
export type LiveView = Static<typeof LiveView>;

export const ReadyView = Type.Object(
  {
    status: Type.Enum(['ready', 'degraded'], {
      type: 'string',
      description: 'Requests are served; degraded when something that only helps is away.',
    }),
    reason: Type.Optional(Type.String({ description: 'What is away and what follows; only when degraded.' })),
  },
  { title: 'ReadyView', additionalProperties: false, description: 'Requests can be served.' },
);
export type ReadyView = Static<typeof ReadyView>;
