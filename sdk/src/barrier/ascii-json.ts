/**
 * JSON in ASCII, as it is stored in a column: no connection's character set can change it, and no column refuses it.
 */

/** JSON with what is not ASCII escaped. */
export const asciiJson = (json: string): string =>
  json.replaceAll(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const NOT_ASCII = /[\u007f-\uffff]/g;

/** The message of a stored refusal. Earlier versions stored it as plain text. */
export function refusalMessage(stored: string): string {
  try {
    const message: unknown = JSON.parse(stored);
    return typeof message === 'string' ? message : stored;
  } catch {
    return stored;
  }
}
