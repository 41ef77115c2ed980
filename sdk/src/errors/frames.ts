/** What is read of an error, and the frames of its stack. */

export type Thrown = {
  readonly [field in
    | ('name' | 'message' | 'stack' | 'cause' | 'errors')
    | ('code' | 'errno' | 'errcode' | 'sqlState' | 'sqlMessage' | 'severity' | 'routine')
    | ('syscall' | 'port' | 'driverError' | 'generatedMessage')]?: unknown;
};

const MAX_FRAMES = 20;

const FRAME = /^ {4}at [^\n]*(?::\d+:\d+\)?|\(<anonymous>\)|\(native\))$/;

/** The frames below the message: the last lines of the stack, since a message may have lines that look like frames. */
export function framesOf({ stack, message }: Thrown): string {
  if (typeof stack !== 'string') return '';
  const bare = typeof message === 'string' && message !== '' ? stack.replace(message, () => '') : stack;
  const lines = bare.split('\n');
  const from = lines.findLastIndex((line) => !FRAME.test(line)) + 1;
  return lines
    .slice(from, from + MAX_FRAMES)
    .map((line) => line.trim())
    .join('\n');
}

/** Whether a function of the language or of Node threw it. */
export const isThrownByPlatform = (error: Thrown): boolean =>
  /^at (?:.*\((?:<anonymous>|native|node:[^)]*)\)|(?:async )?node:.*)$/m.test(
    framesOf(error).split('\n', 1)[0] ?? '',
  );
