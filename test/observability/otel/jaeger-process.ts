/** A Jaeger on free ports of the loopback interface, with its traces in memory. It ends with this Node, even by kill -9. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../scripts/servers/free-port.ts';
import { watchedFolder } from '../../../scripts/servers/watched-folder.ts';
import { until } from '../../support/until.ts';

export type JaegerProcess = {
  /** Takes spans, by OTLP over HTTP. */
  readonly collectorUrl: string;
  /** Serves the query API, and the web pages where the binary has them. */
  readonly queryUrl: string;
  stop(): Promise<void>;
};

export async function startJaeger(binary: string): Promise<JaegerProcess> {
  const folder = watchedFolder('jaeger');
  const [otlp, query, queryByGrpc] = await Promise.all(Array.from({ length: 3 }, addressOnFreePort));
  const settings = join(folder.path, 'jaeger.json');
  writeFileSync(settings, JSON.stringify(configuration({ otlp, query, queryByGrpc } as Addresses)));
  const jaeger = folder.spawn([binary, '--config', settings]);
  await until('Jaeger answers', async () => {
    if (hasEnded(jaeger))
      throw new Error(`Jaeger ended; it printed:\n${readFileSync(folder.logPath, 'utf8')}`);
    return (await fetch(`http://${query}/api/services`).catch(() => null))?.ok === true;
  });
  return {
    collectorUrl: `http://${otlp}`,
    queryUrl: `http://${query}`,
    stop: () => folder.remove(),
  };
}

type Addresses = Readonly<Record<'otlp' | 'query' | 'queryByGrpc', string>>;

const addressOnFreePort = async (): Promise<string> => `127.0.0.1:${await freePort('127.0.0.1')}`;

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

const configuration = ({ otlp, query, queryByGrpc }: Addresses) => ({
  service: {
    extensions: ['jaeger_storage', 'jaeger_query'],
    // Without a batch processor spans can be read as soon as they are taken.
    pipelines: { traces: { receivers: ['otlp'], exporters: ['jaeger_storage_exporter'] } },
    // Its own metrics would need a port, too.
    telemetry: { metrics: { level: 'none' } },
  },
  extensions: {
    jaeger_storage: { backends: { memory: { memory: { max_traces: 10_000 } } } },
    jaeger_query: {
      storage: { traces: 'memory' },
      http: { endpoint: query },
      grpc: { endpoint: queryByGrpc },
    },
  },
  receivers: { otlp: { protocols: { http: { endpoint: otlp } } } },
  exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
});
