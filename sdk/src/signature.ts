/**
 * `@tercet/sdk/signature`: how a participant checks who calls, by Standard Webhooks, and how its secret is made. Signing is
 * shared with the coordinator: `src/wire/signature.ts` says what is signed.
 */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { CALL_HEADERS } from '../../src/wire/call-headers.ts';
import { SECRET_PREFIX, type SignatureHeader, type SignatureHeaders } from '../../src/wire/signature.ts';

export {
  checkSecret,
  idempotencyKeyOf,
  type SignatureHeader,
  type SignatureHeaders,
  type SignedCall,
  signatureHeaders,
  signed,
  webhookIdOf,
} from '../../src/wire/signature.ts';

type Headers = { readonly [name: string]: string | readonly string[] | undefined };

const NEW_SECRET_BYTES = 32;
/** What the library allows on either side; here only to say what is wrong. */
const TOLERANCE_SECONDS = 5 * 60;

/** `whsec_` and 32 random bytes in base64. */
export const newSecret = (): string => `${SECRET_PREFIX}${randomBytes(NEW_SECRET_BYTES).toString('base64')}`;

/**
 * Why a call is not to be believed, in words that say what to do; null when it is. The path is not looked at:
 * that its op is the one of `tcc-op` is for the caller to check.
 *
 * @param headers in lower case, the TCC headers among them
 * @param body exactly as it came
 * @param secrets the call is believed when one of them signed it
 */
export function verifySignature(headers: Headers, body: string, secrets: readonly string[]): string | null {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signature = headers['webhook-signature'];
  if (typeof id !== 'string') return missing('webhook-id');
  if (typeof timestamp !== 'string') return missing('webhook-timestamp');
  if (typeof signature !== 'string') return missing('webhook-signature');
  // Else a signed call could be replayed under another name.
  const { gid, branchId, op, kind } = CALL_HEADERS;
  if (id !== idOf([headers[gid], headers[branchId], headers[op], headers[kind]]))
    return 'webhook-id does not name the call of the TCC headers: it is gid/branchId/op/kind of the same call, or gid/notify';
  const signed = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  if (secrets.some((secret) => isSignedBy(secret, signed, body))) return null;
  return whyNot(timestamp);
}

const idOf = (parts: readonly unknown[]): string =>
  parts.filter((part) => part !== undefined && part !== null).join('/');

const missing = (header: SignatureHeader): string =>
  `${header} is missing: only signed calls are served, so give the coordinator the participant's secret`;

/** The library compares in constant time, and looks at the time. */
function isSignedBy(secret: string, headers: SignatureHeaders, body: string): boolean {
  try {
    new Webhook(secret).verify(body, headers, { jsonParse: false });
    return true;
  } catch {
    return false;
  }
}

function whyNot(timestamp: string): string {
  if (!/^\d{1,12}$/.test(timestamp)) return 'webhook-timestamp is not a count of whole seconds since 1970';
  const seconds = Math.floor(Date.now() / 1000) - Number(timestamp);
  if (Math.abs(seconds) > TOLERANCE_SECONDS)
    return (
      `the call was signed ${describe(seconds)} by the participant's clock, and 5 minutes are allowed: ` +
      'set the clocks, and sign each attempt anew'
    );
  return (
    'no signature of the call is by a secret of the participant over this body: give the coordinator the ' +
    'same secret as the participant, and change nothing of the body on the way'
  );
}

const describe = (seconds: number): string =>
  seconds > 0 ? `${seconds} s ago` : `${-seconds} s in the future`;
