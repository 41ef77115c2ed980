#!/usr/bin/env node
/** The program `tercet`. What it prints goes to standard output, what went wrong with the question to standard error. */
import { createRequire } from 'node:module';
import { type Command, type CheckCommand, readArguments, USAGE } from './arguments.ts';
import { check } from './index.ts';
import type { Report } from './report.ts';
import { reportText } from './report-text.ts';

const EXIT_CODES: { readonly [Each in Report['verdict']]: number } = {
  passed: 0,
  violated: 1,
  not_judged: 2,
};
const WRONG_ARGUMENTS = 2;

const command = readCommand(process.argv.slice(2));
if (command?.what === 'help') process.stdout.write(USAGE);
if (command?.what === 'nothing') {
  process.stderr.write(USAGE);
  process.exitCode = WRONG_ARGUMENTS;
}
if (command?.what === 'version') process.stdout.write(`${version()}\n`);
if (command?.what === 'check')
  runCheck(command).catch((error: unknown) => {
    // A defect of this program: it says nothing about the participant.
    console.error(error);
    process.exitCode = EXIT_CODES.not_judged;
  });

/** Null when the arguments make no sense: that has been said then. */
function readCommand(args: readonly string[]): Command | null {
  try {
    return readArguments(args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`tercet: ${error.message}\n\n${USAGE}`);
    process.exitCode = WRONG_ARGUMENTS;
    return null;
  }
}

async function runCheck({ options, isJson }: CheckCommand): Promise<void> {
  const report = await check({ ...options, onProgress: showProgress });
  showProgress('');
  process.stdout.write(isJson ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  process.exitCode = EXIT_CODES[report.verdict];
}

/** One line that is written over, for people who watch. */
function showProgress(step: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${step}`);
}

/** By the package's own name, since sources and what is compiled stand at different depths below it. */
function version(): string {
  const { version }: { version: string } = createRequire(import.meta.url)('@tercet/sdk/package.json');
  return version;
}
