/** Errors that nothing catches, where there is no logger yet: Node would print every field of them. */
import { reasonOf } from '../wire/error-fields/fields.ts';

/** Prints one line and exits, until the answer is called. */
export function exitOnStrayErrors(what: string): () => void {
  const exit = (error: unknown): never => {
    process.stderr.write(`${what}: ${reasonOf(error)}\n`);
    process.exit(1);
  };
  // Without a listener for rejections, Node raises them as exceptions.
  process.on('uncaughtException', exit);
  return () => process.off('uncaughtException', exit);
}
