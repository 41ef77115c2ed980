/**
 * How connections to participants are made: never to a forbidden address, and over TLS only to a verified certificate.
 *
 * The check stands where the address is known for good: between the look-up of a name and the connecting to what it
 * led to. An address that is written out is never looked up, and is checked by itself.
 */
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { buildConnector } from 'undici';
import { refusalOf } from './forbidden-addresses.ts';

const CONNECT_TIMEOUT_MS = 5000;

/** @param ca PEM of further authorities to trust, beside the usual ones */
export function guardedConnector(
  ca: string | null,
  lookup: LookupFunction = systemLookup,
): buildConnector.connector {
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    allowH2: false,
    lookup: guarded(lookup),
    ...(ca && { ca: [...getCACertificates(), ca] }),
  });
  return (options, callback) => {
    const refusal = refusalOf(options.hostname);
    if (refusal === null) connect(options, callback);
    else process.nextTick(callback, new Error(refusal), null);
  };
}

/** Fails when the name leads to a forbidden address, be it one of several. */
function guarded(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, found, family) => {
      const addresses = Array.isArray(found) ? found.map(({ address }) => address) : [found];
      const refusal = error ? null : addresses.map((one) => refusalOf(one)).find((one) => one !== null);
      callback(refusal ? new Error(`${hostname}: ${refusal}`) : error, found, family);
    });
  };
}
