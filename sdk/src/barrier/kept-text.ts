/** JSON in ASCII, as it is kept in a column: no connection's character set can change it, and no column refuses it. */

/** JSON with what is not ASCII escaped. */
export const inAscii = (json: string): string =>
  json.replaceAll(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const NOT_ASCII = /[\u007f-\uffff]/g;

/** The words of a remembered refusal. Earlier versions kept them as they were. */
export function refusalWords(kept: string): string {
  try {
    const words: unknown = JSON.parse(kept);
    return typeof words === 'string' ? words : kept;
  } catch {
    return kept;
  }
}
