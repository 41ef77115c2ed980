// What the SDK's spans say of an error: its type, and nothing that it may carry.
import { createRequire } from 'node:module';
import type * as OpenTelemetry from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { expect, test } from '@jest/globals';
import { inSpan } from '../../sdk/src/spans.ts';
import { MARKS, marksIn } from '../support/marks.ts';

const { trace } = createRequire(import.meta.url)('@opentelemetry/api') as typeof OpenTelemetry;
const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
);

const named = (name: unknown) => Object.defineProperty(new Error('x'), 'name', { value: name });

test.each([
  ['an error', new TypeError(MARKS.payload), 'TypeError'],
  ['an error whose name is a sentence', named(`no stock for ${MARKS.payload}`), 'Error'],
  ['an error whose name is no text', named({ value: MARKS.payload }), 'Error'],
  ['a text', MARKS.payload, 'string'],
  ['nothing', undefined, 'undefined'],
  [
    'what throws when it is read',
    Object.defineProperty(new Error('x'), 'name', {
      get: () => {
        throw new Error(MARKS.payload);
      },
    }),
    'unreadable',
  ],
])('the type of %s is kept, and no value', async (_what, thrown, type) => {
  exporter.reset();
  await expect(inSpan('work', {}, () => Promise.reject(thrown))).rejects.toBe(thrown);
  const [span] = exporter.getFinishedSpans();
  expect(span?.attributes).toEqual({ 'error.type': type });
  expect(marksIn(JSON.stringify([span?.attributes, span?.events, span?.status]))).toEqual([]);
});
