/** Participants: what they answer, how fast, and whether their circuits are open. Refusals are business, not failures. */
import { metrics } from '../../src/observability/catalogue.ts';
import { choice, page } from './page.ts';
import { graph, timeline, type Words } from './panels.ts';
import { ofReplicas, perSecond, quantileOf, type Selection, share } from './promql.ts';

const CHOSEN = 'participant=~"$participant"';
const BY_PARTICIPANT = ['participant'];

const calls = (where: string, by: readonly string[] = BY_PARTICIPANT): string =>
  perSecond(metrics.callAttempts, { by, where: [CHOSEN, where].filter((one) => one !== '').join(', ') });

const latency = (quantile: number, by: readonly string[]): string =>
  quantileOf(quantile, metrics.callDuration, { by, where: CHOSEN } satisfies Selection);

const replies = [
  graph({
    title: 'Calls by reply',
    description:
      'Calls per second. Unknown is an error or a timeout; ongoing is polled; refused is a business "no".',
    unit: 'ops',
    width: 8,
    queries: [{ expr: calls('', ['reply']), legend: '{{reply}}', hasExemplars: true }],
  }),
  graph({
    title: 'Calls by participant',
    description: 'Calls per second, whatever the reply.',
    unit: 'ops',
    width: 8,
    queries: [{ expr: calls(''), legend: '{{participant}}' }],
  }),
  graph({
    title: 'Calls by op',
    description: 'Calls per second. Many cancels or compensates mean many cancelled transactions.',
    unit: 'ops',
    width: 8,
    queries: [{ expr: calls('', ['op']), legend: '{{op}}' }],
  }),
];

const failures = [
  graph({
    title: 'Failed calls',
    description:
      'Share of calls with the reply unknown: an error, a timeout or an unusable answer. 404 and 500 open no circuit.',
    unit: 'percentunit',
    width: 6,
    max: 1,
    alert: 'TercetNeedsAttention',
    queries: [{ expr: share(calls('reply="unknown"'), calls('')), legend: '{{participant}}' }],
  }),
  graph({
    title: 'Refused calls',
    description: 'Share of tries and actions that the participant refused. Normal business, and no failure.',
    unit: 'percentunit',
    width: 6,
    max: 1,
    queries: [
      {
        expr: share(calls('op=~"try|action", reply="refused"'), calls('op=~"try|action"')),
        legend: '{{participant}}',
      },
    ],
  }),
  graph({
    title: 'Failed tries and actions',
    description:
      'Share with the reply unknown. At 100 %, transactions that need the participant are cancelled at their deadline.',
    unit: 'percentunit',
    width: 6,
    max: 1,
    redFrom: 1,
    alert: 'TercetTriesFailing',
    queries: [
      {
        expr: share(calls('op=~"try|action", reply="unknown"'), calls('op=~"try|action"')),
        legend: '{{participant}}',
      },
    ],
  }),
  graph({
    title: 'Failed cancels and compensates',
    description:
      'Share with the reply unknown. At 100 %, what was reserved or done for cancelled transactions stays.',
    unit: 'percentunit',
    width: 6,
    max: 1,
    redFrom: 1,
    alert: 'TercetCompensationFailing',
    queries: [
      {
        expr: share(calls('op=~"cancel|compensate", reply="unknown"'), calls('op=~"cancel|compensate"')),
        legend: '{{participant}}',
      },
    ],
  }),
];

const latencies = [
  ...[0.5, 0.99].map((quantile) =>
    graph({
      title: `Latency p${quantile * 100} by participant`,
      description: 'Duration of calls, whatever the reply. Each dot is the trace of a call.',
      unit: 's',
      width: 8,
      queries: [{ expr: latency(quantile, BY_PARTICIPANT), legend: '{{participant}}', hasExemplars: true }],
    }),
  ),
  graph({
    title: 'Latency p99 by op',
    description: 'Duration of calls, whatever the reply. Each dot is the trace of a call.',
    unit: 's',
    width: 8,
    queries: [{ expr: latency(0.99, ['op']), legend: '{{op}}', hasExemplars: true }],
  }),
];

const STATES: Words = {
  0: { text: 'closed', color: 'green' },
  1: { text: 'half-open', color: 'yellow' },
  2: { text: 'open', color: 'red' },
};

const circuits = [
  timeline({
    title: 'Circuits',
    description:
      'The worst state in any replica. While a circuit is open, calls to its participant are deferred.',
    unit: 'short',
    width: 24,
    words: STATES,
    alert: 'TercetCircuitOpen',
    queries: [
      {
        expr: `max by (participant) (${ofReplicas(metrics.circuitState.name, CHOSEN)})`,
        legend: '{{participant}}',
      },
    ],
  }),
  graph({
    title: 'Resumed',
    description: 'Waiting transactions per second that were resumed, since their participant had recovered.',
    unit: 'ops',
    width: 12,
    queries: [
      { expr: perSecond(metrics.resumed, { by: BY_PARTICIPANT, where: CHOSEN }), legend: '{{participant}}' },
    ],
  }),
  graph({
    title: 'Completed from outside',
    description: 'Branches per second that were completed from outside, by op and reply.',
    unit: 'ops',
    width: 12,
    queries: [
      {
        expr: perSecond(metrics.completions, { by: ['op', 'reply'], where: CHOSEN }),
        legend: '{{op}} {{reply}}',
      },
    ],
  }),
];

export const participants = page({
  name: 'participants',
  title: 'Tercet: participants',
  description: 'What participants answer, how fast, and whether their circuits are open.',
  rows: [
    { title: 'Calls', panels: replies },
    { title: 'Failures and refusals', panels: failures },
    { title: 'Latency', panels: latencies },
    { title: 'Circuit breakers', panels: circuits },
  ],
  variables: [choice('participant', `label_values(${metrics.callAttempts.name}{job=~"$job"}, participant)`)],
});
