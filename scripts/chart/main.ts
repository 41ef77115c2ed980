/** `npm run chart`: writes the files of the chart that follow from others. */
import { writeFileSync } from 'node:fs';
import { chartFiles } from './files.ts';

for (const { path, text } of chartFiles()) writeFileSync(path, text);
