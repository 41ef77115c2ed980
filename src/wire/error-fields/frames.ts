/** What is read of an error, and the frames of its stack. */

export type Thrown = {
  readonly [field in
    | ('name' | 'message' | 'stack' | 'cause' | 'errors')
    | ('code' | 'errno' | 'errcode' | 'sqlState' | 'sqlMessage' | 'severity' | 'routine')
    | ('syscall' | 'port' | 'driverError' | 'generatedMessage')]?: unknown;
};

const MAX_FRAMES = 20;

const FRAME = /^ {4}at [^\n]*(?::\d+:\d+\)?|\(<anonymous>\)|\(native\))$/;

const FILE = String.raw`(?:[a-z][a-z\d+.-]*:\/\/|node:|\/|\\\\|[A-Za-z]:\\).*?:\d+:\d+`;
const BARE = new RegExp(`^at (?:async )?(${FILE})$`);
/** The last parenthesis that begins like a location, since a name may have parentheses too. Of an eval, where it was called. */
const IN_PARENTHESES = new RegExp(
  String.raw`^at .* \((${FILE}|<anonymous>|native)\)(?:, <anonymous>:\d+:\d+\))*$`,
);

/**
 * The frames below the message: the last lines of the stack, since a message may have lines that look like frames. Only their
 * locations are kept. The name of a function may be a value: of a computed key, or of the key by which it was called.
 */
export function framesOf({ stack, message }: Thrown): string {
  if (typeof stack !== 'string') return '';
  const bare = typeof message === 'string' && message !== '' ? stack.replace(message, () => '') : stack;
  const lines = bare.split('\n');
  const from = lines.findLastIndex((line) => !FRAME.test(line)) + 1;
  return lines
    .slice(from, from + MAX_FRAMES)
    .map((line) => `at ${locationIn(line.trim())}`)
    .join('\n');
}

function locationIn(frame: string): string {
  const [, location] = BARE.exec(frame) ?? IN_PARENTHESES.exec(frame) ?? [];
  const [position] = /:\d+:\d+(?=\)?$)/.exec(frame) ?? [''];
  return location ?? `<unknown>${position}`;
}

const firstFrame = (error: Thrown): string => framesOf(error).split('\n', 1)[0] ?? '';

/** The installed package that threw it; null for the program itself, the platform, and what is bundled with the program. */
export const packageOf = (error: Thrown): string | null =>
  /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/
    .exec(firstFrame(error))?.[1]
    ?.replaceAll('\\', '/') ?? null;

/** Whether a function of the language or of Node threw it. */
export const isThrownByPlatform = (error: Thrown): boolean =>
  /^at (?:<anonymous>|native|node:.*)$/.test(firstFrame(error));
