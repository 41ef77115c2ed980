/** Ids of global transactions: UUIDv7 by RFC 9562, the milliseconds first, so that newer ones sort behind older ones. */
import { randomBytes } from 'node:crypto';

const MILLISECONDS_BYTES = 6;

/** @param now milliseconds since 1970 */
export function newGid(now: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, MILLISECONDS_BYTES);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
