/**
 * A certificate authority made for a test, without anything but Node: the least of X.509 (RFC 5280) that a TLS client
 * verifies, written in DER. Keys are of P-256, which every server takes.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

export type Certificate = { readonly cert: string; readonly key: string };

/** A new authority's own certificate, and what it signs for hosts: names or IPv4 addresses. */
export function newAuthority(name: string) {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = signed({ issuer: name, subject: name, key: keys.publicKey, isAuthority: true });
  return {
    cert,
    certify(hosts: readonly string[]): Certificate {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const leaf = signed({ issuer: name, subject: 'a server of a test', key: publicKey, hosts });
      return { cert: leaf, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };

  function signed(given: Wanted): string {
    const body = bodyOf(given);
    const der = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, keys.privateKey)));
    const base64 = der.toString('base64').replace(/.{64}/g, '$&\n');
    return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  }
}

type Wanted = {
  readonly issuer: string;
  readonly subject: string;
  readonly key: KeyObject;
  readonly isAuthority?: boolean;
  readonly hosts?: readonly string[];
};

const DAY_MS = 86_400_000;

function bodyOf({ issuer, subject, key, isAuthority = false, hosts = [] }: Wanted): Buffer {
  const extensions = [
    sequence(oid('551d13'), TRUE, octets(isAuthority ? sequence(TRUE) : sequence())),
    ...(hosts.length > 0 ? [sequence(oid('551d11'), octets(sequence(...hosts.map(hostName))))] : []),
  ];
  return sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ECDSA_SHA256,
    distinguished(issuer),
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    distinguished(subject),
    key.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
}

const hostName = (host: string) =>
  isIPv4(host)
    ? tagged(0x87, Buffer.from(host.split('.').map(Number)))
    : tagged(0x82, Buffer.from(host, 'ascii'));

const distinguished = (commonName: string) =>
  sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(commonName)))));

const time = (at: number) =>
  tagged(0x18, Buffer.from(new Date(at).toISOString().replace(/[-:T]|\.\d+/g, ''), 'ascii'));

// ── DER ──────────────────────────────────────────────────────────────────────────────────────────────────────

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

const sequence = (...parts: readonly Buffer[]) => tagged(0x30, Buffer.concat(parts));
const oid = (hex: string) => tagged(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Buffer) => tagged(0x04, content);
const bits = (content: Buffer) => tagged(0x03, Buffer.concat([Buffer.of(0), content]));
const TRUE = tagged(0x01, Buffer.of(255));
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
