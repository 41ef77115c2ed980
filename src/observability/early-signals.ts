/**
 * Signals that come while a program starts. Process 1 of a container ignores a signal that it does not listen for, so a
 * coordinator that waits for its database would be killed only after the whole grace period.
 */
import { constants } from 'node:os';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Prints one line and exits as if the signal had killed it, until the answer is called. */
export function exitOnEarlySignals(): () => void {
  const exit = (signal: NodeJS.Signals): never => {
    process.stderr.write(`ended by ${signal} before it was ready\n`);
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, exit);
  return () => {
    for (const signal of SIGNALS) process.off(signal, exit);
  };
}
