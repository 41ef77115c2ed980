/**
 * What the file of credentials has of one participant, and what is wrong with it. No fault repeats a value of a header.
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { nearestWord } from './wire/nearest-word.ts';

const path = Type.String({ minLength: 1 });

/** What the file has of one participant. */
export const Entry = Type.Object(
  {
    origins: Type.Array(Type.String(), { minItems: 1, maxItems: 16 }),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    headerFiles: Type.Optional(Type.Record(Type.String(), path)),
    bearerTokenFile: Type.Optional(path),
    clientCertificateFile: Type.Optional(path),
    clientKeyFile: Type.Optional(path),
    caFile: Type.Optional(path),
  },
  { additionalProperties: false },
);
export type Entry = Static<typeof Entry>;

/** Empty for one that can be read. */
export function faultsIn(entry: unknown): readonly string[] {
  if (!Value.Check(Entry, entry)) return [formFault(entry)];
  return [...originFaults(entry), ...headerFaults(entry), ...tlsFaults(entry)];
}

/** A header is sent as it is: no line breaks, and no other control characters. */
export const MAX_VALUE = 8192;
export const VALUE = new RegExp(`^(?=.{1,${MAX_VALUE}}$)[!-~](?:[ -~]*[!-~])?$`);

function formFault(entry: unknown): string {
  const known = Object.keys(Entry.properties);
  const unknown = Object.keys(Object(entry)).find((member) => !known.includes(member));
  if (typeof entry === 'object' && unknown !== undefined) {
    const meant = nearestWord(unknown, known);
    return `“${unknown}” is not known here${meant === null ? '' : `: did you mean ${meant}?`}`;
  }
  const [error] = Value.Errors(Entry, entry);
  if (error?.keyword === 'required') return 'origins is required';
  return `${error?.instancePath.slice(1) || 'it'} ${error?.message ?? 'does not fit'}`;
}

function originFaults({ origins, clientCertificateFile, caFile }: Entry): string[] {
  const needsTls = clientCertificateFile !== undefined || caFile !== undefined;
  return origins.flatMap((text, index) => {
    const origin = /^https?:/i.test(text) ? URL.parse(text)?.origin : undefined;
    if (origin === undefined) return [`origins/${index} is no http or https origin`];
    if (origin !== text) return [`origins/${index} is no origin: did you mean “${origin}”?`];
    if (needsTls && !origin.startsWith('https:')) return [`certificates need https, and “${origin}” is not`];
    return [];
  });
}

function tlsFaults({ clientCertificateFile, clientKeyFile }: Entry): string[] {
  const hasBoth = (clientCertificateFile === undefined) === (clientKeyFile === undefined);
  return hasBoth ? [] : ['clientCertificateFile and clientKeyFile need each other: give both, or neither'];
}

/** Headers of the protocol, of its signatures and traces, and of the connection. */
const OWN_HEADER = new RegExp(
  '^(?:tcc-.*|webhook-.*|content-.*|proxy-.*|accept|accept-encoding|user-agent|idempotency-key|traceparent|tracestate|' +
    'baggage|host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|http2-settings)$',
);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

function headerFaults({ headers = {}, headerFiles = {}, bearerTokenFile }: Entry): string[] {
  const bearer = bearerTokenFile === undefined ? [] : ['authorization'];
  const names = [...Object.keys(headers), ...Object.keys(headerFiles), ...bearer];
  const lower = names.map((name) => name.toLowerCase());
  return names.flatMap((name, index) => {
    const one = lower[index] as string;
    if (!HEADER_NAME.test(name)) return [`“${name}” is no name of a header`];
    if (OWN_HEADER.test(one)) return [`the header ${name} is set by the coordinator`];
    if (lower.indexOf(one) !== index) return [`the header ${name} is given twice`];
    const isUsable = !Object.hasOwn(headers, name) || VALUE.test(headers[name] as string);
    return isUsable ? [] : [`headers/${name} must be one line of printable ASCII, of ${MAX_VALUE} at most`];
  });
}
