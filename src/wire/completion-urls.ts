/**
 * The signed URLs by which branches are completed from outside, each for one op of one branch:
 *
 *   {public URL}/v1/transactions/{gid}/branches/{branchId}/complete?signature={HMAC-SHA-256 of gid/branchId/op, in base64url}
 *
 * Whoever has the URL can complete that op, and nothing else. It does not expire by time: it is of no use once the op is settled.
 * The first secret signs, each is accepted: so a secret is replaced without a pause.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { idempotencyKeyOf, SECRET_PREFIX } from './signature.ts';
import { Op } from './vocabulary.ts';

/** What a URL is for. */
export type CompletedOp = { readonly gid: string; readonly branchId: string; readonly op: Op };

export class CompletionUrls {
  readonly #publicUrl: string;
  readonly #keys: readonly KeyObject[];

  /**
   * @param given.publicUrl where participants reach the coordinator: without a query
   * @param given.secrets one or more that `checkSecret` finds nothing wrong with
   */
  constructor({ publicUrl, secrets }: { readonly publicUrl: string; readonly secrets: readonly string[] }) {
    this.#publicUrl = publicUrl.replace(/\/+$/, '');
    this.#keys = secrets.map((secret) =>
      createSecretKey(Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')),
    );
  }

  urlOf(of: CompletedOp): string {
    const [key] = this.#keys;
    if (key === undefined) throw new TypeError('there is no secret to sign with: give at least one');
    const signature = hmac(key, of).toString('base64url');
    return `${this.#publicUrl}/v1/transactions/${of.gid}/branches/${of.branchId}/complete?signature=${signature}`;
  }

  /** Every secret is tried, and all of each signature compared: the time it takes reveals nothing. */
  isSigned(of: CompletedOp, signature: string): boolean {
    const given = Buffer.from(signature, 'base64url');
    // Only the one spelling of the signature counts.
    const isSpelled = given.toString('base64url') === signature;
    const isFound = this.#keys.reduce((found, key) => isEqual(hmac(key, of), given) || found, false);
    return isFound && isSpelled;
  }

  /** Whether it is signed for any op of the branch: what can be known before the body is read. */
  isSignedForSome({ gid, branchId }: Omit<CompletedOp, 'op'>, signature: string): boolean {
    return Op.enum.reduce((found, op) => this.isSigned({ gid, branchId, op }, signature) || found, false);
  }
}

const hmac = (key: KeyObject, of: CompletedOp): Buffer =>
  createHmac('sha256', key).update(idempotencyKeyOf(of)).digest();

const isEqual = (one: Buffer, other: Buffer): boolean =>
  one.length === other.length && timingSafeEqual(one, other);
