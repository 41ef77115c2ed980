/** Bodies that are encoded although no call accepts an encoding: some gateways encode whatever they pass on. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

const DECODERS = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
} as const;

export type Decoding =
  | { readonly body: Buffer }
  /** `fault` is why there is no body, in a few words. */
  | { readonly body: null; readonly fault: string; readonly isTooLong: boolean };

/**
 * Decodes a short body, synchronously.
 * @param encoding as the answer names it
 * @param maxBytes of the decoded body: decoding ends there
 */
export function decoded(body: Buffer, encoding: string, maxBytes: number): Decoding {
  const name = encoding.trim().toLowerCase();
  if (body.length === 0 || name === '' || name === 'identity') return { body };
  const decode = DECODERS[name as keyof typeof DECODERS] as
    | (typeof DECODERS)[keyof typeof DECODERS]
    | undefined;
  if (decode === undefined)
    return { body: null, fault: `its body is encoded: ${encoding}`, isTooLong: false };
  try {
    return { body: decode(body, { maxOutputLength: maxBytes }) };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      ? { body: null, fault: `its body is over ${maxBytes / 1024} KiB`, isTooLong: true }
      : { body: null, fault: `its body is no ${name}`, isTooLong: false };
  }
}
