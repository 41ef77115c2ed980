/**
 * Signatures, by Standard Webhooks: a participant that has a secret knows that a call comes from who has it
 * too, that its body is as it was sent, and that it was sent within the last five minutes.
 *
 *   webhook-id         `gid/branchId/op/kind`, without the kind where no `tcc-kind` is sent, and `gid/notify` for a callback: it
 *                      must name the call that the TCC headers and the path name
 *   webhook-timestamp  when it was signed, in seconds since 1970
 *   webhook-signature  `v1,` and an HMAC-SHA-256 of id, time and body in base64; one for each secret, with
 *                      blanks between them
 *
 * Two secrets at once are for changing them without a pause: first the participant takes the new one beside
 * the old, then the coordinator signs with it, then the old one goes.
 */
import { Webhook } from 'standardwebhooks';
import type { CallOp, Kind } from './index.ts';

export type SignatureHeader = 'webhook-id' | 'webhook-timestamp' | 'webhook-signature';
export type SignatureHeaders = Readonly<Record<SignatureHeader, string>>;

/** What a signature names. */
export type SignedCall = {
  /** The global transaction. */
  readonly gid: string;
  /** Null for `notify`, which is about the whole. */
  readonly branchId: string | null;
  readonly op: CallOp;
  /** As `tcc-kind` is sent; null or absent where it is not. */
  readonly kind?: Kind | null;
};

export const SECRET_PREFIX = 'whsec_';
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

const HOW_TO_MAKE =
  'make one by echo "whsec_$(openssl rand -base64 32)", or by newSecret() of @tercet/sdk/signature';

/** What is wrong with a secret, in words that do not tell it; null when nothing is. */
export function checkSecret(secret: string): string | null {
  // An environment variable that is not set, for example.
  if (typeof secret !== 'string') return `it is ${typeof secret}: ${HOW_TO_MAKE}`;
  if (!secret.startsWith(SECRET_PREFIX)) return `a secret begins with ${SECRET_PREFIX}: ${HOW_TO_MAKE}`;
  const text = secret.slice(SECRET_PREFIX.length);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text)
    return `after ${SECRET_PREFIX} a secret is base64, filled up with =: ${HOW_TO_MAKE}`;
  if (bytes.length < MIN_SECRET_BYTES || bytes.length > MAX_SECRET_BYTES)
    return `a secret has ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes, and this one ${bytes.length}: ${HOW_TO_MAKE}`;
  return null;
}

/** `gid/branchId/op`, the same in every attempt, or `gid/notify`. Names hold no slash: no two calls have the same key. */
export const idempotencyKeyOf = ({ gid, branchId, op }: SignedCall): string => joined(gid, branchId, op);

/** The `webhook-id`: a call that is signed as one kind is not accepted as another. */
export const webhookIdOf = ({ gid, branchId, op, kind }: SignedCall): string =>
  joined(gid, branchId, op, kind ?? null);

const joined = (...parts: readonly unknown[]): string => parts.filter((part) => part !== null).join('/');

/**
 * @param body exactly as it is sent
 * @param secrets one or more that `checkSecret` finds nothing wrong with; each signs
 * @param now when the call is sent: a signature of an earlier attempt may be too old
 * @throws TypeError without a secret
 */
export function signatureHeaders(
  call: SignedCall,
  body: string,
  secrets: readonly string[],
  now: Date,
): SignatureHeaders {
  return signed({ id: webhookIdOf(call), body, secrets, now });
}

/**
 * The headers of any message by Standard Webhooks.
 *
 * @param message.id the same however often the message is repeated
 * @throws TypeError without a secret
 */
export function signed(message: {
  readonly id: string;
  readonly body: string;
  readonly secrets: readonly string[];
  readonly now: Date;
}): SignatureHeaders {
  const { id, body, secrets, now } = message;
  if (secrets.length === 0) throw new TypeError('there is no secret to sign with: give at least one');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, now, body)).join(' '),
  };
}
