/**
 * The environment of the process, which no other file reads, and the settings in it: read once, checked, frozen.
 *
 * The variable of a setting is TERCET_ and its name, so `callTimeoutMs` is TERCET_CALL_TIMEOUT_MS. A secret may stand in a
 * file instead, named by its variable and _FILE. All faults are reported together. An unknown TERCET_… variable is a fault
 * too: it is a misspelt one, unless Kubernetes injected it.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { nearestWord } from './wire/nearest-word.ts';
import { checkSecret } from './wire/signature.ts';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { type Environment, serviceVariablesIn } from './service-variables.ts';
import { Settings } from './settings.ts';

export const environment: NodeJS.ProcessEnv = process.env;

type Name = keyof Settings;

type SettingSchema = TSchema & {
  readonly type: string;
  readonly default: unknown;
  readonly description: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly isSecret?: boolean;
  readonly isFile?: boolean;
};

const schemas = Settings.properties as unknown as Readonly<Record<Name, SettingSchema>>;
const names = Object.keys(schemas) as Name[];

export const variableOf = (name: string): string =>
  `TERCET_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

const fileVariableOf = (name: Name): string => `${variableOf(name)}_FILE`;

/** Each setting for the page that lists them. */
export const settingsTable = names.map((name) => ({
  variable: variableOf(name),
  default: String(schemas[name].default ?? ''),
  description: schemas[name].description,
  /** The variable that may name a file with the value instead; null where the value is no secret. */
  fileVariable: schemas[name].isSecret ? fileVariableOf(name) : null,
}));

/** Variables of tests and examples, which share the prefix and are none of ours. */
const FOREIGN = /^TERCET_(?:TEST_|SERVER_CACHE|DEMO_)/;

/** The settings cannot be used; `faults` has one line for each reason. */
export class UnusableSettings extends Error {
  override readonly name = 'UnusableSettings';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(['The settings cannot be used:', ...faults].join('\n- '));
    this.faults = faults;
  }
}

/** A setting as it was found: its value, and what was wrong with the finding. */
type Found = { readonly value: unknown; readonly faults: readonly string[] };

/**
 * @param use.serves false for a command that does not listen, and so needs no tokens
 * @throws UnusableSettings
 */
export function readSettings(
  given: Environment = environment,
  { serves = true }: { readonly serves?: boolean } = {},
): Settings {
  const injected = new Set(serviceVariablesIn(given));
  const variables = Object.fromEntries(Object.entries(given).filter(([variable]) => !injected.has(variable)));
  const found = names.map((name) => [name, settingOf(name, variables)] as const);
  const settings = Object.fromEntries(found.map(([name, { value }]) => [name, value])) as Settings;
  const own = faultsIn(found, variables);
  const faults = [
    ...own,
    // A file that cannot be used is reported by itself.
    ...(own.length === 0 ? unusableTls(settings) : []),
    ...contradictions(settings),
    ...(serves ? openToAnyone(settings) : []),
    ...unknownVariables(variables),
  ];
  if (faults.length > 0) throw new UnusableSettings(faults);
  return Object.freeze(settings);
}

/** Whether one of these settings is in a file. */
export const areInFiles = (wanted: readonly Name[], given: Environment = environment): boolean =>
  filesOf(wanted, given).length > 0;

/**
 * These settings as their files are now. Files are read without blocking the event loop.
 * @throws UnusableSettings
 */
export async function readAgain<Wanted extends Name>(
  wanted: readonly Wanted[],
  given: Environment = environment,
): Promise<Pick<Settings, Wanted>> {
  const files = filesOf(wanted, given).map(async (path) => [path, await textOrError(path)] as const);
  const texts = new Map(await Promise.all(files));
  const read = (path: string): string => {
    const text = texts.get(path) ?? '';
    if (typeof text !== 'string') throw text;
    return text;
  };
  const found = wanted.map((name) => [name, settingOf(name, given, read)] as const);
  const settings = Object.fromEntries(found.map(([name, { value }]) => [name, value]));
  const own = faultsIn(found, given);
  const faults = own.length > 0 ? own : unusableTls({ tlsCertFile: null, tlsKeyFile: null, ...settings });
  if (faults.length > 0) throw new UnusableSettings(faults);
  return settings as Pick<Settings, Wanted>;
}

const filesOf = (wanted: readonly Name[], environment: Environment): string[] =>
  wanted.flatMap((name) => {
    const { isFile, isSecret } = schemas[name];
    const variable = isFile ? variableOf(name) : isSecret ? fileVariableOf(name) : '';
    return environment[variable]?.trim() || [];
  });

const textOrError = (path: string): Promise<string | Error> =>
  readFile(path, 'utf8').catch((error: Error) => error);

const faultsIn = (found: readonly (readonly [Name, Found])[], environment: Environment): string[] =>
  found.flatMap(([name, { value, faults }]) =>
    faults.length > 0 ? faults : faultOf(name, value, environment),
  );

/** An empty variable is an unset one. */
function settingOf(name: Name, environment: Environment, read = readText): Found {
  const text = environment[variableOf(name)]?.trim();
  const { isSecret, isFile } = schemas[name];
  if (isFile && text) return inFile(name, variableOf(name), text, read);
  const path = isSecret ? environment[fileVariableOf(name)]?.trim() : undefined;
  if (!path) return { value: typedValueOf(name, text), faults: [] };
  if (!text) return inFile(name, fileVariableOf(name), path, read);
  const fault = `${variableOf(name)} and ${fileVariableOf(name)} are both set: remove one of them`;
  return { value: schemas[name].default, faults: [fault] };
}

type ReadText = (path: string) => string;

const readText: ReadText = (path) => readFileSync(path, 'utf8');

function inFile(name: Name, variable: string, path: string, read: ReadText): Found {
  try {
    const text = read(path).trim();
    const value = typedValueOf(name, text);
    // A list of separators alone is empty, too.
    const isEmpty = text === '' || (Array.isArray(value) && value.length === 0);
    if (!isEmpty) return { value, faults: [] };
    return { value: schemas[name].default, faults: [`${variable} “${path}” names an empty file`] };
  } catch (error) {
    const fault = `${variable} “${path}” cannot be read: ${(error as Error).message}`;
    return { value: schemas[name].default, faults: [fault] };
  }
}

/** The text as the type that its schema asks for; left as text where it is none of it. */
function typedValueOf(name: Name, text: string | undefined): unknown {
  const { type, default: standard } = schemas[name];
  if (text === undefined || text === '') return standard;
  if (type === 'integer' && /^\d{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && /^(?:true|false)$/.test(text)) return text === 'true';
  if (type === 'array') return text.split(/[\s,]+/).filter((part) => part !== '');
  return text;
}

function faultOf(name: Name, value: unknown, environment: Environment): string[] {
  const [error] = Value.Errors(schemas[name], value);
  if (error === undefined) return [];
  const { description, default: standard, isSecret } = schemas[name];
  const given = isSecret ? '' : ` “${environment[variableOf(name)]}”`;
  const otherwise = String(standard ?? '') === '' ? '' : ` Default: ${standard}`;
  return [`${variableOf(name)}${given} ${wantedOf(name)}. ${description}${otherwise}`];
}

function wantedOf(name: Name): string {
  const { type, minimum, maximum, enum: words } = schemas[name];
  if (words) return `must be one of ${words.join(', ')}`;
  if (type === 'integer') return `must be a whole number from ${minimum} to ${maximum}`;
  return type === 'boolean' ? 'must be true or false' : 'does not have the right form';
}

function unknownVariables(environment: Environment): string[] {
  const secrets = names.filter((name) => schemas[name].isSecret);
  const known = [...names.map(variableOf), ...secrets.map(fileVariableOf)];
  return Object.keys(environment)
    .filter(
      (variable) => variable.startsWith('TERCET_') && !known.includes(variable) && !FOREIGN.test(variable),
    )
    .map((variable) => `${variable} ${REPLACED[variable] ?? noSetting(variable, known)}`);
}

function noSetting(variable: string, known: readonly string[]): string {
  const meant = nearestWord(variable, known);
  const advice = 'correct its name or remove it';
  return `is no setting: ${meant === null ? advice : `did you mean ${meant}? Otherwise ${advice}`}`;
}

const budgetInTime = (variable: string): string =>
  `is replaced by ${variable}, a budget in milliseconds: remove it, or set that one`;

/** Settings of earlier versions, and what to do instead. */
const REPLACED: Readonly<Record<string, string>> = {
  TERCET_RETRY_BUDGET: budgetInTime('TERCET_RETRY_BUDGET_MS'),
  TERCET_POLL_BUDGET: budgetInTime('TERCET_POLL_BUDGET_MS'),
  TERCET_MAX_RETRY_BUDGET: budgetInTime('TERCET_MAX_RETRY_BUDGET_MS'),
};

/** An address as it may be shown: without user and password. Where one cannot be read, where they end is not known. */
export function shownUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text.replace(/\/\/.*/s, '//…');
  return url.host === '' ? text : `${url.protocol}//${url.host}${url.pathname}`;
}

/** How the database is spoken to over TLS; null for not at all. */
export const databaseTlsOf = ({
  databaseTls,
  databaseCaFile,
}: Settings): { readonly ca: string | null } | null =>
  databaseTls || databaseCaFile !== null ? { ca: databaseCaFile } : null;

/** What the listener serves HTTPS by; null for plain HTTP. */
export const listenerTlsOf = ({
  tlsCertFile: cert,
  tlsKeyFile: key,
}: Pick<Settings, 'tlsCertFile' | 'tlsKeyFile'>): { readonly cert: string; readonly key: string } | null =>
  cert === null || key === null ? null : { cert, key };

/** The names under which a listener on a loopback address is served; null for any other listener, which serves each. */
export const hostNamesOf = ({ host, hostNames, publicUrl }: Settings): readonly string[] | null =>
  LOOPBACK.test(host) ? [...hostNames, URL.parse(publicUrl)?.hostname ?? ''] : null;

// ── Settings that contradict each other ──────────────────────────────────────────────────────────────────────

type Duration = Extract<Name, `${string}Ms`>;

const ORDERED: readonly (readonly [Duration, Duration])[] = [
  ['defaultTimeoutMs', 'maxTimeoutMs'],
  ['retryFirstDelayMs', 'retryMaxDelayMs'],
  ['pollFirstDelayMs', 'pollMaxDelayMs'],
  ['circuitFirstOpenMs', 'circuitMaxOpenMs'],
  ['callTimeoutMs', 'maxCallTimeoutMs'],
  ['retryMaxDelayMs', 'maxRetryDelayMs'],
  ['retryBudgetMs', 'maxRetryBudgetMs'],
];

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|\[::1\])$/i;

/** Those whose form is right; none is repeated, since it may have a password. A path of SQLite is no URL. */
function unusableUrls({ databaseUrl, ...settings }: Settings): string[] {
  const urls = { ...settings, databaseUrl: /^(?:mysql|mariadb):/.test(databaseUrl) ? databaseUrl : '' };
  const addresses = ['databaseUrl', 'alertWebhookUrl', 'publicUrl', 'httpProxy'] as const;
  const decoded = ['databaseUrl', 'redisUrl', 'httpProxy'] as const;
  return [
    ...addresses
      .filter((name) => urls[name] !== '' && URL.parse(urls[name]) === null)
      .map((name) => `${variableOf(name)} is no address: correct its host or port`),
    ...decoded
      .filter((name) => !isDecodable(urls[name]))
      .map(
        (name) =>
          `${variableOf(name)} has a “%” that begins no escape of UTF-8: in user, password and name write %25 for it`,
      ),
  ];
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** What did not become a number compares as false, and was told of already. */
function contradictions(settings: Settings): string[] {
  const faults = ORDERED.filter(([less, more]) => settings[less] > settings[more]).map(
    ([less, more]) =>
      `${variableOf(less)} (${settings[less]}) must not be more than ${variableOf(more)} (${settings[more]})`,
  );
  const hasSecrets = settings.alertWebhookSecrets.length > 0;
  if (settings.alertWebhookUrl !== '' && !hasSecrets)
    faults.push(
      'TERCET_ALERT_WEBHOOK_URL needs TERCET_ALERT_WEBHOOK_SECRETS: the receiver verifies posts by them',
    );
  if (settings.alertWebhookUrl === '' && hasSecrets)
    faults.push(
      'TERCET_ALERT_WEBHOOK_SECRETS has no effect without TERCET_ALERT_WEBHOOK_URL: set it, or remove the secrets',
    );
  const signsUrls = settings.completionSecrets.length > 0;
  if (settings.publicUrl !== '' && !signsUrls)
    faults.push('TERCET_PUBLIC_URL needs TERCET_COMPLETION_SECRETS: they sign the completion URLs');
  if (settings.publicUrl === '' && signsUrls)
    faults.push(
      'TERCET_COMPLETION_SECRETS has no effect without TERCET_PUBLIC_URL: set it, or remove the secrets',
    );
  if (settings.httpProxy !== '' && settings.allowedHosts.length === 0)
    faults.push(
      'TERCET_HTTP_PROXY needs TERCET_ALLOWED_HOSTS: no other host is called through a proxy, which hides addresses',
    );
  if (settings.httpProxy === '' && settings.noProxy.length > 0)
    faults.push('TERCET_NO_PROXY has no effect without TERCET_HTTP_PROXY: set it, or remove the hosts');
  faults.push(...unusableUrls(settings));
  for (const name of ['alertWebhookSecrets', 'completionSecrets'] as const)
    for (const [index, secret] of settings[name].entries()) {
      const fault = checkSecret(secret);
      if (fault !== null) faults.push(`${variableOf(name)}, secret ${index + 1}: ${fault}`);
    }
  if (settings.hostNames.length > 0 && !LOOPBACK.test(settings.host))
    faults.push(
      'TERCET_HOST_NAMES has no effect unless TERCET_HOST is a loopback address: remove it, or listen on 127.0.0.1',
    );
  if (settings.apiTokens.length > 0 && settings.allowAnonymous)
    faults.push(
      'TERCET_API_TOKENS and TERCET_ALLOW_ANONYMOUS=true contradict each other: remove one of them',
    );
  return faults;
}

function unusableTls({
  tlsCertFile: cert,
  tlsKeyFile: key,
}: Pick<Settings, 'tlsCertFile' | 'tlsKeyFile'>): string[] {
  const both = 'TERCET_TLS_CERT_FILE and TERCET_TLS_KEY_FILE';
  if ((cert === null) !== (key === null)) return [`${both} need each other: set both, or neither`];
  try {
    if (cert !== null && key !== null) createSecureContext({ cert, key });
    return [];
  } catch (error) {
    return [`${both} cannot be used together: ${(error as Error).message}`];
  }
}

function openToAnyone({ host, apiTokens, allowAnonymous }: Settings): string[] {
  if (apiTokens.length > 0 || allowAnonymous || LOOPBACK.test(host)) return [];
  return [
    `TERCET_HOST “${host}” can be reached from other machines, and nobody is asked who they are: set ` +
      'TERCET_API_TOKENS, or listen on 127.0.0.1, or set TERCET_ALLOW_ANONYMOUS=true where the network lets only friends in',
  ];
}
