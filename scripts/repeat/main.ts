/**
 * `npm run repeat`: shows that tests pass whatever else the machine does. It runs them again and again, every other time
 * under load, and stops at the first run that fails.
 *
 * Exit code 0: every run passed. 1: one failed; the last line names the file with its output. 2: the options are wrong.
 */
import { readOptions, UsageError, usage } from './options.ts';
import { repeat } from './repeat.ts';

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(usage);
  else process.exitCode = (await repeat(options)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`repeat: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
