/**
 * The command that runs a coordinator: `node src/main.ts`. Starts tracing first when a standard OTEL_… variable asks for it:
 * what is imported before cannot be instrumented. Everything else is in `serve.ts`.
 */
import { isTracingConfigured } from './observability/otel/tracing.ts';

const tracing = isTracingConfigured(process.env)
  ? (await import('./observability/otel/start.ts')).startTracing(process.env)
  : null;
const { serve } = await import('./serve.ts');
await serve(tracing);
