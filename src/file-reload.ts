/**
 * Reads the files of some settings again while the process runs: API tokens, certificate and key of the listener, and the
 * credentials of participants.
 *
 * - Contents are compared, not dates: Kubernetes swaps a link, and the new file may be the older one.
 * - Files that cannot be read or used change nothing. The former values stay in use, and each new fault is logged once.
 * - Certificate and key are replaced together, and only as a pair that fits. Tokens do not wait for them, nor do the
 *   credentials of one participant for those of another.
 */
import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { CredentialsByName } from './adapters/participant/credentials.ts';
import type { Chance, Time } from './application/ports.ts';
import { Repetition } from './application/repetition.ts';
import { areInFiles, listenerTlsOf, readAgain, UnusableSettings } from './environment.ts';
import type { ApiTokens } from './http/plugins/api-tokens.ts';
import { type CredentialsRead, keepingFormer, readCredentials } from './participant-credentials.ts';
import type { Settings } from './settings.ts';
import { reasonOf } from './wire/error-fields/fields.ts';

export const EVERY_MS = 5000;

type Surroundings = {
  readonly time: Time;
  readonly chance: Chance;
  readonly log: {
    info(fields: object, what: string): void;
    error(fields: object, what: string): void;
  };
};

type Reloaded = Surroundings & { readonly apiTokens: ApiTokens; readonly server: Server };

/** One for each group of settings that is in files. */
export function fileReloads(
  { apiTokens, tlsCertFile, tlsKeyFile }: Settings,
  { apiTokens: accepted, server, ...surroundings }: Reloaded,
): readonly { start(): void; stop(): void }[] {
  const tokens = new FileReload({
    ...surroundings,
    what: 'API tokens',
    atStart: { apiTokens },
    read: () => readAgain(['apiTokens']),
    use({ apiTokens }) {
      accepted.replace(apiTokens);
      return { token_count: apiTokens.length };
    },
  });
  const certificate = new FileReload({
    ...surroundings,
    what: 'certificate of the listener',
    atStart: { tlsCertFile, tlsKeyFile },
    read: () => readAgain(['tlsCertFile', 'tlsKeyFile']),
    use(settings) {
      const tls = listenerTlsOf(settings);
      if (tls === null || !(server instanceof TlsServer)) return {};
      server.setSecureContext(tls);
      return { valid_to: new X509Certificate(tls.cert).validTo };
    },
  });
  return [
    ...(areInFiles(['apiTokens']) ? [tokens] : []),
    ...(areInFiles(['tlsCertFile', 'tlsKeyFile']) ? [certificate] : []),
  ];
}

type ReloadedCredentials = Surroundings & {
  readonly atStart: CredentialsRead;
  readonly use: (byName: CredentialsByName) => void;
};

/** One, where there is a file of credentials. */
export function credentialsReloads(
  { participantCredentialsFile: path }: Pick<Settings, 'participantCredentialsFile'>,
  { atStart, use, ...surroundings }: ReloadedCredentials,
): readonly { start(): void; stop(): void }[] {
  let used = atStart.credentials;
  let faults = atStart.faults;
  const reload = new FileReload({
    ...surroundings,
    what: 'credentials of participants',
    atStart: used,
    async read() {
      const read = keepingFormer(await readCredentials(path), used);
      faults = read.faults;
      return read.credentials;
    },
    faults: () => faults,
    use(credentials) {
      use(new Map(credentials));
      used = credentials;
      return { participants: credentials.map(([name]) => name) };
    },
  });
  return path === '' ? [] : [reload];
}

export type FileReloadParts<Values> = Surroundings & {
  /** In the log. */
  readonly what: string;
  readonly atStart: Values;
  /** The values as their files are now. @throws UnusableSettings */
  readonly read: () => Promise<Values>;
  /** Of parts that keep their former values, as of the last read; none when absent. */
  readonly faults?: () => readonly string[];
  /** Answers fields for the log. */
  readonly use: (values: Values) => object;
};

export class FileReload<Values> {
  readonly #given: FileReloadParts<Values>;
  readonly #repetition: Repetition;
  /** The values in use, as text. */
  #used: string;
  #fault: string | null = null;

  constructor(given: FileReloadParts<Values>) {
    this.#given = given;
    this.#used = JSON.stringify(given.atStart);
    this.#repetition = new Repetition({ ...given, everyMs: EVERY_MS, pass: () => this.#pass() });
  }

  start(): void {
    this.#repetition.start();
  }

  stop(): void {
    this.#repetition.stop();
  }

  async #pass(): Promise<number> {
    try {
      this.#useIfNew(await this.#given.read());
      this.#report(this.#given.faults?.() ?? []);
    } catch (error) {
      this.#report(error instanceof UnusableSettings ? error.faults : [reasonOf(error)]);
    }
    return EVERY_MS;
  }

  #useIfNew(values: Values): void {
    const { what, use, log } = this.#given;
    const text = JSON.stringify(values);
    if (text === this.#used) return;
    log.info(use(values), `${what} reloaded`);
    this.#used = text;
  }

  #report(faults: readonly string[]): void {
    const { what, log } = this.#given;
    const fault = faults.join('; ') || null;
    if (fault === this.#fault) return;
    this.#fault = fault;
    if (fault !== null) log.error({ fault }, `${what} cannot be reloaded: the former stay in use`);
  }
}
