/**
 * What frameworks mount, a participant or a listener: one function from a request to an answer, which knows no
 * framework.
 */
import type { CallOp, Op } from '../../../src/wire/index.ts';

export type ParticipantRequest = {
  readonly method: string;
  /** Below the path where it is mounted, such as `/reserve/try`; without a query. */
  readonly path: string;
  /** In lower case, as Node gives them. */
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  /** Exactly as it came: signatures are over the bytes. */
  readonly body: string;
  /**
   * The body is not as it came: it was parsed before, and written anew. Where calls are signed, nothing is
   * served so.
   */
  readonly isRewritten?: boolean;
};

export type ParticipantAnswer = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  /** JSON, or empty. */
  readonly body: string;
};

/** `POST /{activity}/{op}` */
export type Route<Ops extends CallOp = Op> = { readonly activity: string; readonly op: Ops };

/** What frameworks mount: a participant or a listener. */
export interface Mountable<Ops extends CallOp = CallOp> {
  readonly routes: readonly Route<Ops>[];
  /** Never rejects. Null for a request for none of its routes. */
  handle(request: ParticipantRequest): Promise<ParticipantAnswer | null>;
}
