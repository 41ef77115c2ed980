// The trace stories against a real Jaeger, whose answers are printed as trees. By hand only: `npm run test:jaeger`.
import { afterAll } from '@jest/globals';
import { obtainJaeger } from '../../../scripts/servers/jaeger.ts';
import { jaegerReader } from './jaeger-reader.ts';
import { traceStories } from './trace-stories.ts';

// Not within a test: where it is built, that takes longer than any test may.
const binary = await obtainJaeger();
const stories: string[] = [];

traceStories(
  () => jaegerReader(binary),
  (story, traces) => stories.push([`# ${story}`, ...traces].join('\n\n')),
);

// At the end, so that no line of the reporter comes between.
afterAll(() => void process.stdout.write(`\n${stories.join('\n\n\n')}\n\n`));
