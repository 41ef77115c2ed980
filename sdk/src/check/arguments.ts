/** The command line: what `tercet` was asked to do, or what is wrong with the question. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { shownUrl } from '../shown-url.ts';
import { KINDS, type Kind } from './kinds.ts';
import { nearestWord } from '../../../src/wire/nearest-word.ts';
import { type CheckOptions, KIND_ADVICE, readOptions } from './options.ts';
import { QUANTITY_NEEDED } from './quantity-needed.ts';

export type CheckCommand = {
  readonly what: 'check';
  readonly options: CheckOptions;
  readonly isJson: boolean;
};
export type Command =
  | CheckCommand
  | { readonly what: 'help' }
  | { readonly what: 'nothing' }
  | { readonly what: 'version' };

export const USAGE = `tercet check <base-url> --activity <name> --payload <json> [options]

Drives a participant as a coordinator and a bad network would, and says what is wrong with it.
It works on real stock, and needs at most so many times what the payload asks for:
${quantityNeeded()}.
Of a tcc some branches stay confirmed. A step is compensated, so nothing of it stays. Nothing undoes
step_uncompensated, pivot and final: each success of theirs keeps its effect. So let the payload ask
for little, and check a participant that has no other callers.

  --activity <name>           such as reserve: calls go to <base-url>/reserve/try, …/confirm, …/cancel
  --kind <kind>               the kind that the participant declares for the activity; tcc when absent
                                tcc                 try, confirm and cancel
                                step                action and compensate, of a saga
                                step_uncompensated  an action before the pivot that has nothing to undo
                                pivot               the action whose reply decides; its refusal is remembered
                                final               an action after the pivot; it is retried until it succeeds
                              all but tcc are called at …/action and …/compensate. The last three get a compensate
                              only after a call that must be refused for its kind
  --refused-payload <json>    of a pivot: a payload that its business refuses, or @file, to check that this
                              refusal is remembered. Without it, that of a deadline is checked
  --payload <json>            the body of every call, or @file; let it ask for little
  --observe <url>             answers a GET with JSON whose numbers have a constant sum, such as
                              {"available":10,"reserved":0,"sold":0}, or of a saga {"available":10,"sold":0};
                              without it effects are not judged, and the exit code is 2 at best
  --observe none              the activity has no such numbers: effects are not judged, and the exit code is 0
                              when all other rules are kept
  --secret whsec_…            signs the calls; may be given several times
  --path reserve/try=/x       where an op has another path, of a saga take/action=/x; may be given several times
  --timeout-ms <n>            how long one call may take; 5000 when absent
  --json                      prints the report as JSON

tercet --help, tercet --version

Exit code: 0 every rule is kept, with --observe none every rule that shows without numbers · 1 a rule is not kept · 2 not all could be judged, or wrong arguments
`;

/** A function, since it is used above. */
function quantityNeeded(): string {
  return KINDS.map((kind) => `${kind} ${QUANTITY_NEEDED[kind]}`).join(', ');
}

const OPTIONS = {
  activity: { type: 'string' },
  kind: { type: 'string' },
  payload: { type: 'string' },
  'refused-payload': { type: 'string' },
  observe: { type: 'string' },
  secret: { type: 'string', multiple: true },
  path: { type: 'string', multiple: true },
  'timeout-ms': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/**
 * @param args without the program's name
 * @throws TypeError in words that say what to do
 */
export function readArguments(args: readonly string[]): Command {
  if (args.length === 0) return { what: 'nothing' };
  checkNames(args);
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  if (values.help) return { what: 'help' };
  if (values.version) return { what: 'version' };
  const [command, baseUrl, ...more] = positionals;
  if (command !== 'check')
    throw new TypeError(
      `${command === undefined ? 'the command is missing' : `${shownUrl(command)} is no command`}: write tercet check`,
    );
  if (baseUrl === undefined) throw new TypeError('the base URL is missing: write tercet check <base-url>');
  if (more.length > 0)
    throw new TypeError(`${more.map(shownUrl).join(' ')} is too much: one base URL is checked at a time`);
  const { activity, kind, payload, observe, secret, path, 'timeout-ms': timeoutMs, json } = values;
  const { 'refused-payload': refusedPayload } = values;
  if (activity === undefined)
    throw new TypeError('--activity is missing: name what is asked, such as reserve');
  if (payload === undefined) throw new TypeError('--payload is missing: give JSON, or @file');
  const options: CheckOptions = {
    baseUrl,
    activity,
    kind: kind === undefined ? undefined : readKind(kind),
    payload: readPayload('payload', payload),
    refusedPayload: refusedPayload === undefined ? undefined : readPayload('refused-payload', refusedPayload),
    observeUrl: observe === 'none' ? null : observe,
    secrets: secret,
    paths: Object.fromEntries((path ?? []).map(readPath)),
    callTimeoutMs: timeoutMs === undefined ? undefined : readTimeout(timeoutMs),
  };
  // Here already, so that faults are reported before anything is called.
  readOptions(options);
  return { what: 'check', options, isJson: json ?? false };
}

/** The words of `parseArgs` name no option that may have been meant. */
function checkNames(args: readonly string[]): void {
  const loose = { options: OPTIONS, allowPositionals: true, strict: false, tokens: true } as const;
  for (const token of parseArgs({ args: [...args], ...loose }).tokens) {
    if (token.kind !== 'option' || Object.hasOwn(OPTIONS, token.name)) continue;
    if (token.name === 'pattern')
      throw new TypeError(`there is no option --pattern, but --kind: ${KIND_ADVICE}`);
    const meant = nearestWord(token.name, Object.keys(OPTIONS));
    const hint = meant === null ? 'see below which there are' : `did you mean --${meant}?`;
    throw new TypeError(`there is no option ${token.rawName}: ${hint}`);
  }
}

function readPayload(option: string, text: string): unknown {
  const isFile = text.startsWith('@');
  try {
    return JSON.parse(isFile ? readFileSync(text.slice(1), 'utf8') : text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const cure = isFile ? 'name a file with JSON' : 'give JSON such as {"item":"mug","quantity":1}, or @file';
    throw new TypeError(`--${option} ${text} cannot be read (${reason}): ${cure}`);
  }
}

function readKind(text: string): Kind {
  const kind = KINDS.find((each) => each === text);
  if (kind === undefined) throw new TypeError(`--kind ${text} is not a kind: ${KIND_ADVICE}`);
  return kind;
}

function readPath(text: string): [key: string, path: string] {
  const at = text.indexOf('=');
  if (at < 0)
    throw new TypeError(`--path ${shownUrl(text)} has no =: write it as reserve/try=/stock/reservations`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function readTimeout(text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`--timeout-ms ${text} is no whole number of milliseconds`);
  return Number(text);
}
