/** Panels that an alert watches lead to a section of docs/runbooks.md that exists. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { dashboards } from '../../monitoring/dashboards/files.ts';

type Linked = {
  readonly title?: string;
  readonly description?: string;
  readonly links?: readonly { readonly url?: string }[];
};

const page = readFileSync(new URL('../../docs/runbooks.md', import.meta.url), 'utf8');
const sections = new Set([...page.matchAll(/^## (\w+)$/gm)].map(([, title = '']) => title.toLowerCase()));

const links = dashboards.flatMap(({ panels = [] }) =>
  (panels as readonly Linked[]).flatMap(({ title, description = '', links = [] }) =>
    links.map(({ url = '' }) => ({ title, description, url })),
  ),
);

test.each(links)('$title leads to $url', ({ description, url }) => {
  const [, section = ''] = /^\$\{docs\}\/runbooks\.md#(\w+)$/.exec(url) ?? [];
  expect(sections).toContain(section);
  expect(description).toContain(`docs/runbooks.md#${section}`);
});

test('some panels of the overview and of the participants lead to runbooks', () => {
  expect(new Set(links.map(({ url }) => url)).size).toBeGreaterThan(5);
});
