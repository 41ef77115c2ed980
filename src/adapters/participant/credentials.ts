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

/** One character, or an escape of JSON for it: PHP writes `\/`, .NET `\u002B`. JSON within JSON has longer runs of `\`. */
const CHARACTER = /\\+(?:u([0-9a-f]{4})|(["/]))?|[\s\S]/gi;

/**
 * A text of a participant without the secrets that it was sent, also where JSON escapes their characters, and where it was cut
 * off within one. The longest is hidden first: another may begin it.
 */
export const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.toSorted((one, other) => other.length - one.length).reduce(withoutSecret, text);

function withoutSecret(text: string, secret: string): string {
  const [written, plain, wanted] = [text.match(CHARACTER) ?? [], unescaped(text), unescaped(secret)];
  const kept: string[] = [];
  let from = 0;
  const keepUntil = (at: number) => kept.push(...written.slice(from, at));
  for (let at = plain.indexOf(wanted); at >= 0; at = plain.indexOf(wanted, from)) {
    keepUntil(at);
    kept.push(HIDDEN);
    from = at + wanted.length;
  }
  const [cutAt, end] = cutIn(plain, from, wanted);
  keepUntil(cutAt);
  return kept.join('') + end;
}

/** Of one code unit for each that is written. */
const unescaped = (text: string): string =>
  text.replace(CHARACTER, (written, code?: string, character?: string) =>
    code === undefined ? (character ?? written.charAt(0)) : String.fromCharCode(Number.parseInt(code, 16)),
  );

/** What ends a text that was cut off: half an escape, and what says so. */
const CUT = /(?:\\(?:u[0-9a-f]{0,3})?)?(…?)$/i;

/** Where the beginning of the secret stands at the end, and what follows in its place. */
function cutIn(plain: string, from: number, secret: string): readonly [at: number, end: string] {
  const cut = CUT.exec(plain);
  const [index, ellipsis] = [cut?.index ?? plain.length, cut?.[1] ?? ''];
  for (let length = secret.length - 1; length >= MIN_HIDDEN_LENGTH; length -= 1)
    if (index - length >= from && plain.slice(index - length, index) === secret.slice(0, length))
      return [index - length, HIDDEN + ellipsis];
  return [plain.length, ''];
}
