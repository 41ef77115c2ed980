/** `npm run dashboards`: writes the dashboards as the JSON that Grafana imports. */
import { writeFileSync } from 'node:fs';
import { dashboardFiles } from './files.ts';

for (const { path, text } of dashboardFiles()) writeFileSync(path, text);
