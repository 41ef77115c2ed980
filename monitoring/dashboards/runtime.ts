/** Each replica as a process: event loop, memory, CPU, handles, lost spans and versions. */
import { metrics, runtimeMetrics } from '../../src/observability/catalogue.ts';
import { page } from './page.ts';
import { graph, stat } from './panels.ts';
import { ofReplicas, perSecond, ratesOfProcess } from './promql.ts';

const REPLICA = '{{instance}}';
const BY_REPLICA = { by: ['instance'] };

const versions = [
  stat({
    title: 'Versions',
    description: 'Replicas by version. Two versions mean that an update is under way.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: `count by (version, node_version, journal_version) (${ofReplicas(metrics.build.name)})`,
        legend: 'Tercet {{version}}, Node {{node_version}}, journal {{journal_version}}',
      },
    ],
  }),
  stat({
    title: 'Up for',
    description: 'Time since the start of each replica.',
    unit: 's',
    width: 12,
    queries: [{ expr: `time() - ${ofReplicas(runtimeMetrics.startTime)}`, legend: REPLICA }],
  }),
];

const loop = [
  graph({
    title: 'Event loop delay, p99',
    description:
      'Interval of a 10 ms timer: an idle replica shows 0.010. Above 0.1, a replica is overloaded.',
    unit: 's',
    width: 8,
    redFrom: 0.1,
    queries: [{ expr: ofReplicas(runtimeMetrics.eventLoopDelayP99), legend: REPLICA }],
  }),
  graph({
    title: 'Event loop delay, median and maximum',
    description: 'Interval of a 10 ms timer. The maximum is that since the last scrape.',
    unit: 's',
    width: 8,
    queries: [
      { expr: ofReplicas(runtimeMetrics.eventLoopDelayP50), legend: `${REPLICA} p50` },
      { expr: ofReplicas(runtimeMetrics.eventLoopDelayMax), legend: `${REPLICA} max` },
    ],
  }),
  graph({
    title: 'CPU',
    description: 'CPU seconds per second. The event loop alone uses at most 1.',
    unit: 'short',
    width: 8,
    queries: [
      { expr: ratesOfProcess(runtimeMetrics.cpuUser, BY_REPLICA), legend: `${REPLICA} user` },
      { expr: ratesOfProcess(runtimeMetrics.cpuSystem, BY_REPLICA), legend: `${REPLICA} system` },
    ],
  }),
];

const memory = [
  graph({
    title: 'Heap',
    description: 'Used heap that never falls after a collection is a leak.',
    unit: 'bytes',
    width: 8,
    queries: [
      { expr: ofReplicas(runtimeMetrics.heapUsed), legend: `${REPLICA} used` },
      { expr: ofReplicas(runtimeMetrics.heapTotal), legend: `${REPLICA} total` },
    ],
  }),
  graph({
    title: 'Resident and external memory',
    description: 'What the operating system counts, and buffers outside the heap.',
    unit: 'bytes',
    width: 8,
    queries: [
      { expr: ofReplicas(runtimeMetrics.residentMemory), legend: `${REPLICA} resident` },
      { expr: ofReplicas(runtimeMetrics.externalMemory), legend: `${REPLICA} external` },
    ],
  }),
  graph({
    title: 'Garbage collection',
    description: 'Share of time spent in it, by kind.',
    unit: 'percentunit',
    width: 8,
    queries: [
      {
        expr: ratesOfProcess(`${runtimeMetrics.gcDuration}_sum`, { by: ['instance', 'kind'] }),
        legend: `${REPLICA} {{kind}}`,
      },
    ],
  }),
];

const resources = [
  graph({
    title: 'Handles',
    description: 'Open sockets, timers and the like, by type.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: `sum by (instance, type) (${ofReplicas(runtimeMetrics.activeHandles)})`,
        legend: `${REPLICA} {{type}}`,
      },
    ],
  }),
  graph({
    title: 'Open files',
    description: 'Share of the limit of file descriptors that is used.',
    unit: 'percentunit',
    width: 8,
    redFrom: 0.8,
    queries: [
      {
        expr: `${ofReplicas(runtimeMetrics.openFiles)} / ${ofReplicas(runtimeMetrics.maxFiles)}`,
        legend: REPLICA,
      },
    ],
  }),
  graph({
    title: 'Lost spans',
    description:
      'Spans per second that the export queue or the collector did not take. Traces have gaps meanwhile.',
    unit: 'ops',
    width: 8,
    queries: [{ expr: perSecond(metrics.spansDropped, BY_REPLICA), legend: REPLICA }],
  }),
];

export const runtime = page({
  name: 'runtime',
  title: 'Tercet: runtime',
  description: 'Each replica as a process.',
  rows: [
    { title: 'Replicas', panels: versions },
    { title: 'Event loop and CPU', panels: loop },
    { title: 'Memory', panels: memory },
    { title: 'Handles and spans', panels: resources },
  ],
});
