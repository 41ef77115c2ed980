/**
 * The command that runs a coordinator: `node src/main.ts`. Starts tracing first when a standard OTEL_… variable asks for it:
 * what is imported before cannot be instrumented. Everything else is in `serve.ts`.
 */
import { environment } from './environment.ts';
import { exitOnEarlySignals } from './observability/early-signals.ts';
import { isTracingConfigured } from './observability/otel/tracing.ts';

const stopExiting = exitOnEarlySignals();
const tracing = isTracingConfigured(environment)
  ? (await import('./observability/otel/start.ts')).startTracing(environment)
  : null;
const { serve } = await import('./serve.ts');
await serve(tracing, stopExiting);
