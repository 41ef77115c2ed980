/**
 * Reads the files of some settings again while the process runs: API tokens, and certificate and key of the listener.
 *
 * - Contents are compared, not dates: Kubernetes swaps a link, and the new file may be the older one.
 * - Files that cannot be read or used change nothing. The former values stay in use, and each new fault is logged once.
 * - Certificate and key are replaced together, and only as a pair that fits. Tokens do not wait for them.
 */
import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { Chance, Time } from './application/ports.ts';
import { Repetition } from './application/repetition.ts';
import { areInFiles, listenerTlsOf, readAgain, UnusableSettings } from './environment.ts';
import type { ApiTokens } from './http/plugins/api-tokens.ts';
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

export type FileReloadParts<Values> = Surroundings & {
  /** In the log. */
  readonly what: string;
  readonly atStart: Values;
  /** The values as their files are now. @throws UnusableSettings */
  readonly read: () => Promise<Values>;
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
      this.#fault = null;
    } catch (error) {
      this.#report(error);
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

  #report(error: unknown): void {
    const { what, log } = this.#given;
    const fault = error instanceof UnusableSettings ? error.faults.join('; ') : reasonOf(error);
    if (fault === this.#fault) return;
    this.#fault = fault;
    log.error({ fault }, `${what} cannot be reloaded: the former stay in use`);
  }
}
