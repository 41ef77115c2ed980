/** Both formats of a scrape, from the same metrics. */
import { describe, expect, test } from '@jest/globals';
import { type Metric, metrics as catalogue } from '../../src/observability/catalogue.ts';
import { prefersOpenMetrics } from '../../src/observability/metrics-formats.ts';
import { readOpenMetrics } from './openmetrics.ts';
import { measured, observingEverything, readText } from './scraped.ts';

const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0';

test('OpenMetrics is as its specification has it, and has each metric of the catalogue', async () => {
  const { text, contentType } = await observingEverything().scrape(OPEN_METRICS);
  expect(contentType).toBe(`${OPEN_METRICS}; charset=utf-8`);
  const families = readOpenMetrics(text);
  const found = Object.values<Metric>(catalogue).map(({ name, kind }) => {
    const family = families.get(kind === 'counter' ? name.replace(/_total$/, '') : name);
    return [name, family?.type, family?.samples.some((sample) => sample.name.startsWith(name))];
  });
  expect(found).toEqual(Object.values(catalogue).map(({ name, kind }) => [name, kind, true]));
});

test('a scrape in one format changes nothing of the other', async () => {
  const metrics = observingEverything();
  const ofOurs = async (accept: string) =>
    (await metrics.scrape(accept)).text.split('\n').filter((line) => line.includes('tercet_'));
  const [text, openMetrics] = [await ofOurs('text/plain'), await ofOurs(OPEN_METRICS)];
  const both = await Promise.all([ofOurs('text/plain'), ofOurs(OPEN_METRICS), ofOurs('text/plain')]);
  expect(both).toEqual([text, openMetrics, text]);
  expect(readText(text.join('\n')).types.get('tercet_transactions_started_total')).toBe('counter');
});

test('a counter that is counted after a scrape is counted in both formats', async () => {
  const { metrics } = measured();
  await metrics.scrape(OPEN_METRICS);
  metrics.removed(7);
  for (const accept of [OPEN_METRICS, 'text/plain'])
    expect((await metrics.scrape(accept)).text).toContain('\ntercet_transactions_removed_total 7\n');
});

describe('OpenMetrics is preferred', () => {
  test.each([
    [OPEN_METRICS],
    ['application/openmetrics-text'],
    ['application/openmetrics-text; version="1.0.0"'],
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'],
    ['application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.4'],
  ])('by %s', (accept) => expect(prefersOpenMetrics(accept)).toBe(true));

  test.each([
    [undefined],
    [''],
    ['*/*'],
    ['text/html,application/xhtml+xml,*/*;q=0.8'],
    ['application/openmetrics-text;version=0.0.1'],
    ['application/openmetrics-text;version=1.0.0;q=0'],
    ['application/openmetrics-text;version=1.0.0;q=junk'],
    ['text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.3'],
  ])('not by %s', (accept) => expect(prefersOpenMetrics(accept)).toBe(false));
});
