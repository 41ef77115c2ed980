/** What a page starts behind, opaque to clients, so that it may change. */

export const cursorOf = (place: string): string => Buffer.from(place).toString('base64url');

/** Null for a text that `cursorOf` does not make. */
export function placeIn(cursor: string): string | null {
  const place = Buffer.from(cursor, 'base64url').toString('latin1');
  return cursorOf(place) === cursor ? place : null;
}
