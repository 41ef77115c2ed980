/**
 * What calls of one participant carry for its access control: headers, and a client certificate. They come from files of
 * the coordinator (`src/participant-credentials.ts`), never from a request.
 *
 * A registration can be changed by every API token. So credentials are bound to origins: a call to any other origin is not sent.
 */

export type Credentials = {
  /** The only origins that they are sent to. */
  readonly origins: readonly string[];
  /** Names and values, alternating. */
  readonly headers: readonly string[];
  /** Values that no answer may repeat. */
  readonly secrets: readonly string[];
  readonly tls: ParticipantTls;
};

/** PEM; null where there is none. */
export type ParticipantTls = {
  /** Authorities to trust for the certificate of the participant, in place of all others. */
  readonly onlyCa: string | null;
  readonly cert: string | null;
  readonly key: string | null;
};

/** By the name of the participant; null where its files cannot be used, so that its calls cannot be sent. */
export type CredentialsByName = ReadonlyMap<string, Credentials | null>;

export const areSameCredentials = (one: Credentials | null, other: Credentials | null): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** @throws Error that names the origin */
export function checkOrigin(participant: string, credentials: Credentials | null, origin: string): void {
  if (credentials === null)
    throw new Error(`the credentials of participant “${participant}” cannot be used: not sent`);
  if (!credentials.origins.includes(origin))
    throw new Error(`the credentials of participant “${participant}” are not for ${origin}: not sent`);
}

const HIDDEN = '[hidden]';

/** Shorter texts occur in answers by chance. */
export const MIN_HIDDEN_LENGTH = 8;

/** A text of a participant without the secrets that it was sent, also where it was cut off within one. */
export const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((rest, secret) => withoutEnd(rest.replaceAll(secret, HIDDEN), secret), text);

function withoutEnd(text: string, secret: string): string {
  for (let length = secret.length - 1; length >= MIN_HIDDEN_LENGTH; length -= 1)
    if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length) + HIDDEN;
  return text;
}
