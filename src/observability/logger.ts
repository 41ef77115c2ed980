/**
 * The one place where a logger is made: pino, with every error reduced to its safe fields (`@tercet/sdk/error-fields`), whichever
 * way it is handed over, and of a request nothing but its method and path.
 */
import pino, { type DestinationStream, type LogFn, type Logger } from 'pino';
import { errorFields, isError, reasonOf } from '../wire/error-fields/fields.ts';

type LoggerParts = {
  /** Where lines go; standard output when absent. */
  readonly stream?: DestinationStream;
  /** True for an error whose line is left out, unless the process ends by it. */
  readonly leavesOut?: (error: unknown) => boolean;
};

export function createLogger(level: string, { stream, leavesOut = () => false }: LoggerParts = {}): Logger {
  const options = {
    level,
    name: 'tercet',
    hooks: { logMethod: logMethodOf(leavesOut) },
    // The hook has reduced errors already; pino's and Fastify's own serializers would copy every field of them.
    serializers: { err: asItIs, req: requestFields },
  };
  return stream === undefined ? pino(options) : pino(options, stream);
}

const asItIs = (fields: unknown): unknown => (isError(fields) ? errorFields(fields) : fields);

/** A query string, a fragment and the parameters of a path may hold a business key, the authority a password. */
const requestFields = ({ method, url = '' }: { method?: string; url?: string }) => ({
  method,
  path: URL.parse(url, 'http://host')?.pathname.replaceAll(/;[^/]*/g, ''),
});

const logMethodOf = (leavesOut: (error: unknown) => boolean) =>
  function logUnlessLeftOut(this: Logger, given: Parameters<LogFn>, method: LogFn, level: number): void {
    if (level < FATAL && leavesOut(errorIn(given))) return;
    logSafely.call(this, given, method);
  };

const FATAL = 60;

const errorIn = ([first]: readonly unknown[]): unknown =>
  isError(first) ? first : (first as { err?: unknown } | null)?.err;

/** Whatever is thrown may be handed over as `err`; an error may stand in any field, or alone. */
function logSafely(this: Logger, given: Parameters<LogFn>, method: LogFn): void {
  const [first, ...rest] = given as readonly unknown[];
  const texts = rest.map((value) => (isError(value) ? reasonOf(value) : value));
  const fields = isError(first) ? { err: first } : first;
  if (typeof fields !== 'object' || fields === null) {
    method.apply(this, [fields, ...texts] as never);
    return;
  }
  const safe: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (field !== 'err' && !isError(value)) continue;
    safe[field] = errorFields(value);
    // Without a text, pino would take the error's own message for one; Fastify hands it over itself.
    const at = isError(value) ? texts.indexOf(value.message) : -1;
    if (at >= 0 || texts.length === 0) texts[Math.max(at, 0)] = reasonOf(value);
  }
  method.apply(this, [{ ...fields, ...safe }, ...texts] as never);
}
