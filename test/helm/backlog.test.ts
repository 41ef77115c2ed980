// The query of docs/helm.md for the autoscaler, on a real Prometheus that scrapes two replicas of one database.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { Prometheus } from '../monitoring/prometheus.ts';
import { describeOwn } from '../support/servers.ts';
import { until } from '../support/until.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/helm.md'), 'utf8');
const [, adapter = ''] = /^```yaml\n(# prometheus-adapter-values\.yaml\n.*?)^```$/ms.exec(page) ?? [];

/** Twelve transactions need a replica; three more wait for an operator, and two callbacks for their listener. */
const METRICS = `
tercet_transactions_in_flight{status="trying"} 5
tercet_transactions_in_flight{status="confirming"} 8
tercet_transactions_in_flight{status="cancelling"} 2
tercet_transactions_in_flight{status="confirmed"} 2
tercet_transactions_parked 3
`;

await describeOwn('prometheus', 'the backlog', (startPrometheus) => {
  const replicas: Server[] = [];
  let prometheus: Prometheus;

  beforeAll(async () => {
    for (const _ of ['one', 'two']) {
      const replica = createServer((_request, response) => response.end(METRICS));
      await new Promise<void>((resolve) => replica.listen(0, '127.0.0.1', resolve));
      replicas.push(replica);
    }
    const targets = replicas.map((replica) => `127.0.0.1:${(replica.address() as AddressInfo).port}`);
    prometheus = await Prometheus.start(startPrometheus, { targets, rules: 'groups: []' });
  });
  afterAll(async () => {
    await prometheus.stop();
    for (const replica of replicas) replica.close();
  });

  test('is counted once, without what waits for an operator or for a listener', async () => {
    const [rule] = parse(adapter).rules.external as [{ name: { as: string }; metricsQuery: string }];
    expect(rule.name.as).toBe('tercet_backlog');
    const query = rule.metricsQuery.replaceAll('<<.LabelMatchers>>', 'job="tercet"');
    await until(
      'both replicas are scraped',
      async () => (await prometheus.seriesCount('tercet_transactions_parked')) === 2,
    );
    expect(await prometheus.seriesCount(`(${query}) == 12`)).toBe(1);
  });
});
