/**
 * Reads the credentials of participants: a JSON file that says by participant which origins they are for, and which files they
 * are in. Paths are absolute, or relative to the folder of the JSON file, as in one mounted Secret.
 *
 * - No fault repeats what a file holds.
 * - The faults of one participant are its own: the others are read.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { Value } from 'typebox/value';
import {
  type Credentials,
  MIN_HIDDEN_LENGTH,
  type ParticipantTls,
} from './adapters/participant/credentials.ts';
import { readExactJson, UnreadableBody } from './api/exact-json.ts';
import { type Entry, faultsIn, MAX_VALUE, VALUE } from './credentials-entry.ts';
import { UnusableSettings } from './environment.ts';
import { ParticipantName } from './wire/index.ts';

/** What was read of one participant; null where its files have faults. */
export type NamedCredentials = readonly [name: string, credentials: Credentials | null];

export type CredentialsRead = {
  readonly credentials: readonly NamedCredentials[];
  /** Each names the file and the participant. */
  readonly faults: readonly string[];
};

/** @throws UnusableSettings when the JSON file itself cannot be used */
export async function readCredentials(jsonPath: string): Promise<CredentialsRead> {
  if (jsonPath === '') return { credentials: [], faults: [] };
  const where = `TERCET_PARTICIPANT_CREDENTIALS_FILE “${jsonPath}”`;
  const entries = Object.entries(await participantsIn(jsonPath, where));
  const read = await Promise.all(
    entries.map(async ([name, entry]) => {
      const found = await credentialsOf(name, entry, dirname(resolve(jsonPath)));
      const isRead = !Array.isArray(found);
      const faults = isRead ? [] : found.map((fault) => `${where}, “${name}”: ${fault}`);
      return { named: [name, isRead ? found : null] as NamedCredentials, faults };
    }),
  );
  return { credentials: read.map(({ named }) => named), faults: read.flatMap(({ faults }) => faults) };
}

/** Those that cannot be read keep what they had. */
export const keepingFormer = (
  read: CredentialsRead,
  former: readonly NamedCredentials[],
): CredentialsRead => {
  const had = new Map(former);
  return {
    ...read,
    credentials: read.credentials.map(([name, now]) => [name, now ?? had.get(name) ?? null]),
  };
};

async function participantsIn(jsonPath: string, where: string): Promise<object> {
  const bytes = await readFile(jsonPath).catch((error: Error) => {
    throw new UnusableSettings([`${where} cannot be read: ${error.message}`]);
  });
  const value = parsed(bytes, where);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new UnusableSettings([`${where} is no JSON object of participants by name`]);
}

/** Undefined for what is no JSON: the words of the parser repeat the text. */
function parsed(bytes: Buffer, where: string): unknown {
  try {
    return readExactJson(bytes);
  } catch (error) {
    if (error instanceof UnreadableBody && error.code === 'invalid_request')
      throw new UnusableSettings([`${where}: the member ${error.pointer} stands twice`]);
    return undefined;
  }
}

/** The faults where there are any. */
async function credentialsOf(name: string, given: unknown, folder: string): Promise<Credentials | string[]> {
  if (!Value.Check(ParticipantName, name)) return ['is no name of a participant'];
  const faults = faultsIn(given);
  if (faults.length > 0) return [...faults];
  const entry = given as Entry;
  const files = new Files(folder);
  const fixed = Object.entries(entry.headers ?? {}).map(([header, value]) => ({ header, value }));
  const secret = await Promise.all([
    ...Object.entries(entry.headerFiles ?? {}).map(async ([header, file]) => ({
      header,
      value: await files.line(`headerFiles/${header}`, file),
    })),
    ...(entry.bearerTokenFile === undefined
      ? []
      : [bearerOf(await files.token('bearerTokenFile', entry.bearerTokenFile))]),
  ]);
  const tls = await tlsIn(entry, files);
  const unusable = [...files.faults, ...(files.faults.length > 0 ? [] : unusableTls(tls))];
  if (unusable.length > 0) return unusable;
  return {
    origins: entry.origins,
    headers: [...fixed, ...secret].flatMap(({ header, value }) => [header, value]),
    secrets: secret.flatMap(({ value }) => hiddenIn(value)),
    tls,
  };
}

/** The value of a header, and what follows its scheme, such as Basic: a participant may repeat either. */
const hiddenIn = (value: string): string[] =>
  [value, value.replace(/^[A-Za-z][A-Za-z0-9-]* /, '')].filter(
    (one, index, all) => one.length >= MIN_HIDDEN_LENGTH && all.indexOf(one) === index,
  );

const bearerOf = (token: string) => ({ header: 'authorization', value: `Bearer ${token}` });

const tlsIn = async (entry: Entry, files: Files): Promise<ParticipantTls> => ({
  cert: await files.pem('clientCertificateFile', entry.clientCertificateFile, CERTIFICATE),
  key: await files.pem('clientKeyFile', entry.clientKeyFile, KEY),
  onlyCa: await files.pem('caFile', entry.caFile, CERTIFICATE),
});

const CERTIFICATE = /-----BEGIN CERTIFICATE-----/;
const KEY = /-----BEGIN (?:[A-Z]+ )?(?<!ENCRYPTED )PRIVATE KEY-----/;

/** The files of one participant, and what is wrong with them. */
class Files {
  readonly faults: string[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The one line of a file, without the line break at its end. */
  async line(member: string, file: string): Promise<string> {
    const text = (await this.#text(member, file))?.trim();
    if (text !== undefined && !VALUE.test(text))
      this.faults.push(`${member} “${file}” must hold one line of printable ASCII, of ${MAX_VALUE} at most`);
    return text ?? '';
  }

  async token(member: string, file: string): Promise<string> {
    const line = await this.line(member, file);
    if (line.includes(' ')) this.faults.push(`${member} “${file}” must hold a token, which has no spaces`);
    return line;
  }

  async pem(member: string, file: string | undefined, wanted: RegExp): Promise<string | null> {
    if (file === undefined) return null;
    const text = await this.#text(member, file);
    if (text !== null && !wanted.test(text)) this.faults.push(`${member} “${file}” has no usable PEM`);
    return text;
  }

  async #text(member: string, file: string): Promise<string | null> {
    try {
      return await readFile(resolve(this.#folder, file), 'utf8');
    } catch (error) {
      this.faults.push(`${member} “${file}” cannot be read: ${(error as Error).message}`);
      return null;
    }
  }
}

function unusableTls({ cert, key }: ParticipantTls): string[] {
  try {
    if (cert !== null && key !== null) createSecureContext({ cert, key });
    return [];
  } catch (error) {
    return [`clientCertificateFile and clientKeyFile cannot be used together: ${(error as Error).message}`];
  }
}
