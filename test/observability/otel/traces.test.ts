// Traces as a collector receives them: of a coordinator, an initiator and participants that are processes of their own.
import { otlpReceiver } from './otlp-receiver.ts';
import { traceStories } from './trace-stories.ts';

traceStories(otlpReceiver);
