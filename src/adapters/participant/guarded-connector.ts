/**
 * How connections to participants are made: never to a forbidden address, and over TLS only to a verified certificate.
 *
 * A name is looked up first (`lookups.ts`), and only then is the time to connect measured. The addresses are checked where
 * they are known for good: between the look-up and the connecting to what it led to. An address that is written out is
 * never looked up, and is checked by itself.
 */
import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { getCACertificates } from 'node:tls';
import { buildConnector } from 'undici';
import { systemClock } from '../system.ts';
import { directLookup } from './direct-lookup.ts';
import { refusalOf } from './forbidden-addresses.ts';
import { type Asked, type LookUpStage, Lookups } from './lookups.ts';

const CONNECT_TIMEOUT_MS = 5000;

/** A connection that is being made. */
export type Connecting = {
  /** Null unless its name is being looked up. */
  lookUp(): LookUpStage | null;
  /** Its caller has given up. */
  abandon(): void;
};

export type Connector = (options: buildConnector.Options, callback: buildConnector.Callback) => Connecting;

/** PEM; null or absent where there is none. */
export type Trust = {
  /** Further authorities to trust, next to the usual ones. */
  readonly ca: string | null;
  /** Authorities to trust in place of all others. */
  readonly onlyCa?: string | null;
  /** The client certificate, and its key. */
  readonly cert?: string | null;
  readonly key?: string | null;
};

export const guardedConnector = (ca: string | null, lookup?: LookupFunction): Connector =>
  guardedConnectors(lookup)({ ca });

/** Makes connectors that share look-ups and nothing else: TLS sessions are those of one certificate. */
export function guardedConnectors(lookup: LookupFunction = systemLookup): (trust: Trust) => Connector {
  const direct = lookup === systemLookup ? directLookup() : undefined;
  const lookups = new Lookups(guarded(lookup), systemClock, direct);
  // Addresses that are remembered are checked each time too.
  const found = guarded(lookups.found);
  return (trust) => {
    const options = { timeout: CONNECT_TIMEOUT_MS, allowH2: false, lookup: found, ...tlsOptionsOf(trust) };
    return connectorOf(lookups, buildConnector(options) as Connect);
  };
}

const tlsOptionsOf = ({ ca, onlyCa, cert, key }: Trust) => ({
  ...(onlyCa ? { ca: onlyCa } : ca && { ca: [...getCACertificates(), ca] }),
  ...(cert && key && { cert, key }),
});

type Connect = (...given: Parameters<buildConnector.connector>) => Socket;

function connectorOf(lookups: Lookups, connect: Connect): Connector {
  return (options, callback) => {
    const { hostname } = options;
    let asked: Asked | null = null;
    let socket: Socket | null = null;
    const refusal = refusalOf(hostname);
    if (refusal !== null) process.nextTick(callback, new Error(refusal), null);
    // A connection that is there already is a proxy's, which has looked the name up.
    else if (isIP(hostname) !== 0 || options.httpSocket) socket = connect(options, callback);
    else
      asked = lookups.find(hostname, (error) => {
        if (error) callback(error, null);
        else socket = connect(options, callback);
      });
    return {
      lookUp: () => asked?.stage() ?? null,
      abandon() {
        asked?.cancel();
        socket?.destroy();
      },
    };
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
