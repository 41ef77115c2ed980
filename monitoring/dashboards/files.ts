/** Every dashboard, and its file next to this one as Grafana imports it. */
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { overview } from './overview.ts';
import { participants } from './participants.ts';
import { runtime } from './runtime.ts';

export const dashboards: readonly Dashboard[] = [overview, participants, runtime];

export type DashboardFile = { readonly name: string; readonly path: string; readonly text: string };

export const dashboardFiles = (): readonly DashboardFile[] =>
  dashboards.map((dashboard) => {
    const name = `${dashboard.uid}.json`;
    const text = `${JSON.stringify(dashboard, null, 2)}\n`;
    return { name, path: join(import.meta.dirname, name), text };
  });
