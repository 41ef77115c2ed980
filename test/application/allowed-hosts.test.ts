// Which addresses the allow-list lets in, and the ways to get round it that do not work.
import { describe, expect, test } from '@jest/globals';
import { isAllowedHost } from '../../src/application/allowed-hosts.ts';

describe('an address is allowed by', () => {
  test.each([
    ['its host', 'inventory.test', 'http://inventory.test/tcc'],
    ['its host, at any port', 'inventory.test', 'https://inventory.test:8443'],
    ['its host in other letters', 'Inventory.TEST', 'http://iNVENTORY.test'],
    ['its host with the dot of a whole name', 'inventory.test', 'http://inventory.test./tcc'],
    ['an entry with the dot of a whole name', 'inventory.test.', 'http://inventory.test/tcc'],
    ['its host and port', 'inventory.test:8080', 'http://inventory.test:8080'],
    ['its host and the usual port', 'inventory.test:80', 'http://inventory.test'],
    ['its host and the usual port of https', 'inventory.test:443', 'https://inventory.test'],
    ['its domain', '*.example.org', 'http://a.example.org'],
    ['its domain, however deep', '*.example.org', 'http://a.b.example.org:9'],
    ['its domain and port', '*.example.org:9', 'http://a.example.org:9'],
    ['its IPv4 address', '127.0.0.1', 'http://127.0.0.1:9001'],
    ['its IPv4 address, written otherwise', '127.0.0.1', 'http://0x7f000001'],
    ['its IPv6 address', '[::1]', 'http://[::1]:9001'],
    ['its IPv6 address, written otherwise', '[0:0:0:0:0:0:0:1]:9001', 'http://[::0001]:9001'],
    ['its name in ASCII', 'xn--80aiqe2a.test', 'http://склад.test'],
  ])('%s', (_why, entry, url) => {
    expect(isAllowedHost(['elsewhere.test', entry], url)).toBe(true);
    expect(isAllowedHost(['elsewhere.test', entry], new URL(url))).toBe(true);
  });
});

describe('an address is not allowed', () => {
  test.each([
    ['by an empty list', [], 'http://inventory.test'],
    ['by another host', ['inventory.test'], 'http://payment.test'],
    ['by another port', ['inventory.test:8080'], 'http://inventory.test:8081'],
    ['by the usual port of the other scheme', ['inventory.test:80'], 'https://inventory.test'],
    ['by its domain without a star', ['example.org'], 'http://a.example.org'],
    ['as the domain itself', ['*.example.org'], 'http://example.org'],
    ['by the end of its name', ['*.example.org'], 'http://evil-example.org'],
    ['by the beginning of its name', ['example.org'], 'http://example.org.evil.test'],
    ['as a subdomain elsewhere', ['*.example.org'], 'http://a.example.org.evil.test'],
    ['by a user that looks like a host', ['inventory.test'], 'http://inventory.test@evil.test'],
    ['by a user and a password', ['inventory.test:80'], 'http://inventory.test:80@evil.test'],
    ['with a user, even where its host is allowed', ['inventory.test'], 'http://user@inventory.test'],
    ['by what follows a backslash', ['inventory.test'], 'http://evil.test\\@inventory.test'],
    ['by its path', ['inventory.test'], 'http://evil.test/inventory.test'],
    ['by its fragment', ['inventory.test'], 'http://evil.test#@inventory.test'],
    ['by a part of an IPv4 address', ['*.0.0.1', '*.0.1', '*.1'], 'http://127.0.0.1'],
    ['by letters that look alike', ['inventory.test'], 'http://inventоry.test'],
    ['by two dots at the end', ['inventory.test'], 'http://inventory.test..'],
    ['by the IPv6 form of its IPv4 address', ['127.0.0.1'], 'http://[::ffff:127.0.0.1]'],
    ['over another protocol', ['inventory.test'], 'ftp://inventory.test'],
    ['when it is none', ['inventory.test'], 'inventory.test'],
    ['by an entry that is none', ['', '*.', ':80', 'a b'], 'http://inventory.test'],
  ])('%s', (_why, entries, url) => {
    expect(isAllowedHost(entries, url)).toBe(false);
  });
});
