/** What the probes of an orchestrator are answered. */
import { type Static, Type } from 'typebox';

export const LiveView = Type.Object(
  { status: Type.Enum(['live'], { type: 'string', description: 'The process runs.' }) },
  { additionalProperties: false, description: 'The process runs and answers.' },
);
export type LiveView = Static<typeof LiveView>;

export const ReadyView = Type.Object(
  { status: Type.Enum(['ready'], { type: 'string', description: 'The store can be used.' }) },
  { additionalProperties: false, description: 'Requests can be served.' },
);
export type ReadyView = Static<typeof ReadyView>;
