/**
 * Traces as text, for tests to compare and for people to read: a span a line, below its parent, with the process that made it,
 * its attributes tcc.… and its links.
 */
import type { SpanName, TracedSpan } from './trace-reader.ts';

/** The same in each span, or a part of its name. */
const LEFT_OUT = /^tcc\.(?:transaction\..*|participant|op)$/;

/** How siblings, and traces, are ordered: as they began, or in one order for each content. */
export type Order = 'time' | 'text';

/** One text for each trace. */
export function traceTexts(spans: readonly TracedSpan[], order: Order): string[] {
  const traces = [...Map.groupBy(byTime(spans), ({ traceId }) => traceId).values()];
  const texts = traces.map((ofTrace) => {
    const isBelow = ({ parentSpanId }: TracedSpan) => ofTrace.some(({ spanId }) => spanId === parentSpanId);
    const roots = ofTrace.filter((span) => !isBelow(span));
    return ordered(
      roots.map((root) => treeOf(root, spans, order, '')),
      order,
    ).join('\n');
  });
  return ordered(texts, order);
}

function treeOf(span: TracedSpan, spans: readonly TracedSpan[], order: Order, indent: string): string {
  const children = byTime(spans).filter(
    ({ parentSpanId, traceId }) => parentSpanId === span.spanId && traceId === span.traceId,
  );
  const below = children.map((child) => treeOf(child, spans, order, `${indent}  `));
  return [`${indent}${lineOf(span, spans)}`, ...ordered(below, order)].join('\n');
}

function lineOf(span: TracedSpan, spans: readonly TracedSpan[]): string {
  const { name, service, attributes, isError, links } = span;
  const shown = Object.entries(attributes).filter(([key]) => key.startsWith('tcc.') && !LEFT_OUT.test(key));
  return [
    `${name} [${service}]`,
    ...shown.sort().map(([key, value]) => `${key}=${value}`),
    ...(isError ? ['error'] : []),
    ...links.map((link) => `linked to (${targetOf(link, span, spans)})`),
  ].join(' ');
}

function targetOf({ traceId, spanId }: SpanName, from: TracedSpan, spans: readonly TracedSpan[]): string {
  const target = spans.find((span) => span.spanId === spanId && span.traceId === traceId);
  if (target === undefined) return 'a span that was not received';
  const branchId = target.attributes['tcc.branch.id'];
  const label = branchId === undefined ? target.name : `${target.name} of ${branchId}`;
  return traceId === from.traceId ? label : `${label}, in another trace`;
}

const byTime = (spans: readonly TracedSpan[]): TracedSpan[] =>
  spans.toSorted((one, other) => one.startedAtUs - other.startedAtUs);

const ordered = (texts: string[], order: Order): string[] => (order === 'text' ? texts.sort() : texts);
