/**
 * Calls through an HTTP proxy: `https` in a tunnel that CONNECT opens, `http` by requests that name the complete URL.
 *
 * The proxy looks names up and connects, so forbidden addresses cannot be noticed here. Therefore only hosts on the allow-list
 * are called through it. Hosts that are called without it are guarded as without a proxy.
 */
import { request } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { isAllowedHost } from '../../application/allowed-hosts.ts';
import type { Connecting, Connector } from './guarded-connector.ts';

export type ProxyParts = {
  /** `http` or `https`, with or without user and password. */
  readonly url: string;
  /** Hosts that are called without it, in the form of the allow-list. */
  readonly except: readonly string[];
  readonly allowedHosts: readonly string[];
};

export class HttpProxy {
  readonly #given: ProxyParts;
  readonly #url: URL;
  /** Names and values, alternating. */
  readonly #headers: readonly string[];

  constructor(given: ProxyParts) {
    this.#given = given;
    this.#url = new URL(given.url);
    const { username, password } = this.#url;
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const basic = `Basic ${Buffer.from(user).toString('base64')}`;
    this.#headers = user === ':' ? [] : ['proxy-authorization', basic];
  }

  isFor(url: URL): boolean {
    return !isAllowedHost(this.#given.except, url);
  }

  /** What stands before the path, and further headers: in a tunnel the participant would see them, so there are none. */
  requestTo({ protocol, origin, host }: URL): {
    readonly prefix: string;
    readonly headers: readonly string[];
  } {
    if (!isAllowedHost(this.#given.allowedHosts, `${protocol}//${host}`))
      throw new Error(`${host} is not called through the proxy: TERCET_ALLOWED_HOSTS lacks it`);
    return protocol === 'https:' ? { prefix: '', headers: [] } : { prefix: origin, headers: this.#headers };
  }

  /**
   * @param connect to the proxy
   * @param secure to the participant, on the connection that the tunnel is
   */
  connector(connect: Connector, secure: Connector): Connector {
    return (options, callback) => {
      let current: Connecting = connect({ ...options, ...this.#endpoint() }, (error, socket) => {
        if (error) return callback(this.#named(error), null);
        if (options.protocol !== 'https:') return callback(null, socket as Socket);
        this.#tunnel(socket as Socket, authorityOf(options), (refusal) => {
          if (refusal) callback(this.#named(refusal), null);
          else current = secure({ ...options, httpSocket: socket as Socket }, callback);
        });
      });
      return { lookUp: () => current.lookUp(), abandon: () => current.abandon() };
    };
  }

  /** Its own name is the one that its certificate is verified by. */
  #endpoint() {
    const { hostname, host, protocol, port } = this.#url;
    return { hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port, servername: '' };
  }

  #tunnel(socket: Socket, authority: string, callback: (error: Error | null) => void): void {
    const headers = ['host', authority, ...this.#headers];
    const connecting = request({
      method: 'CONNECT',
      path: authority,
      headers,
      createConnection: () => socket,
    });
    connecting.once('connect', ({ statusCode = 0 }) => {
      if (statusCode >= 200 && statusCode <= 299) return callback(null);
      socket.destroy();
      callback(new Error(`${statusCode} to CONNECT ${authority}`));
    });
    connecting.once('error', callback);
    connecting.end();
  }

  /** Errors of the proxy are not taken for the participant's. Their code remains: this process may be at fault. */
  #named(error: Error & { code?: unknown }): Error {
    const { message, errors } = error as AggregateError;
    const words = message || String((errors?.[0] as Error | undefined)?.message ?? error.code);
    return Object.assign(new Error(`proxy ${this.#url.host}: ${words}`), { code: error.code });
  }
}

function authorityOf({ hostname, port }: { readonly hostname: string; readonly port: string }): string {
  return `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port || 443}`;
}
