/** Objects as JSON, of which one member is JSON already: it stays the text that is sent to the participant. */

/** @param fields members that are undefined are left out; there may be no other */
export function withMember(fields: object, name: string, json: string): string {
  const others = JSON.stringify(fields).slice(1, -1);
  return `{${others}${others === '' ? '' : ','}${JSON.stringify(name)}:${json}}`;
}

export const withPayload = (fields: object, payload: string): string =>
  withMember(fields, 'payload', payload);
