/** An address as it may be printed. */

/**
 * Without user, password, query and fragment: each can be a secret. Of a text that is no http or https address nothing is shown
 * if it has an `@`, since where its parts begin and end is not known.
 */
export function shownUrl(given: URL | string): string {
  const text = String(given);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && ['http:', 'https:'].includes(url.protocol))
    return `${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`;
  return text.includes('@') ? '…' : text.replace(/[?#].*/s, '?…');
}
