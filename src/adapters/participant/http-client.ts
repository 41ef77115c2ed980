/**
 * Calls participants over HTTP. One POST for each call, and never a second: retries are the protocol's.
 *
 * - A participant's name is resolved when it is called, so a wrong address is repaired by registering it again.
 * - Nothing rejects: whatever goes wrong is an answer without a status, in words.
 * - One time-out covers the whole call: look-up, connecting, headers and body.
 * - A call that ends while its look-up waits for others, or for want of a file descriptor, was not sent.
 * - No redirect is followed, and nothing of the initiator's request but its trace context is passed on.
 * - A participant that is registered with secrets has its calls signed, each attempt anew; the others pay nothing for it.
 * - A participant with credentials is called with them, on connections of its own, and at no other origin: `credentials.ts`.
 * - Of several addresses a call goes to one; which of them is for `addresses.ts` to say.
 * - Some addresses are never connected to, and over TLS only verified certificates are: `guarded-connector.ts`.
 *
 * The hottest code beside the commits: one object for a call, no streams, no promises but the one that is answered.
 */
import type { LookupFunction } from 'node:net';
import type { CompletionUrls } from '../../wire/completion-urls.ts';
import { idempotencyKeyOf, signatureHeaders } from '../../wire/signature.ts';
import { CALL_HEADERS } from '../../wire/index.ts';
import { isAddress } from '../../application/allowed-addresses.ts';
import type {
  Participant,
  HttpAnswer,
  ParticipantCall,
  ParticipantClient,
  ParticipantRegistry,
} from '../../application/ports.ts';
import type { Instant } from '../../domain/index.ts';
import { Addresses } from './addresses.ts';
import { areSameCredentials, checkOrigin, type Credentials, type CredentialsByName } from './credentials.ts';
import { Exchange } from './exchange.ts';
import { type Connector, guardedConnectors, type Trust } from './guarded-connector.ts';
import { HttpProxy, type ProxyParts } from './proxy.ts';
import { Targets } from './targets.ts';

/** Answers of a proxy in front of a service that is away. */
const AWAY = [502, 503, 504];

/**
 * What every call says of its body and of the answer. JSON is preferred, since results and reasons are read as JSON. Any other
 * type is accepted: the status decides, and a 406 after the work is done would be an unknown reply.
 */
const SAME_HEADERS = [
  'content-type',
  'application/json',
  'accept',
  'application/json, */*;q=0.5',
  'accept-encoding',
  'identity',
];

/** Targets, and the credentials that calls to them carry. */
type Credentialed = { readonly targets: Targets; readonly credentials: Credentials | null };

export class HttpParticipantClient implements ParticipantClient {
  readonly #registry: ParticipantRegistry;
  readonly #ca: string | null;
  readonly #connectorOf: (trust: Trust) => Connector;
  readonly #connect: Connector;
  readonly #proxy: HttpProxy | null;
  readonly #maxIdleConnections: number;
  readonly #completionUrls: CompletionUrls | null;
  readonly #ownHeaders: readonly string[];
  readonly #now: () => Instant;
  readonly #elapsedMs: () => number;
  readonly #draw: () => number;
  readonly #keepsErrorBodies: boolean;
  readonly #plain: Credentialed;
  /** Of participants with credentials, by name. */
  readonly #credentialed = new Map<string, Credentialed>();
  /** Those of former credentials, until their calls have ended. */
  readonly #retired = new Set<Promise<void>>();
  readonly #addresses = new Map<string, Addresses>();
  #closing: Promise<unknown> | null = null;

  /**
   * @param given.maxIdleConnections idle connections that are kept to one origin; those in use have no limit here
   * @param given.ca PEM of authorities to trust for the certificates of participants, beside the usual ones
   * @param given.lookup looks up the names of participants; the system's resolver when absent
   * @param given.proxy the proxy to call through; absent or null for none
   * @param given.credentials what calls of participants carry, by name; none when absent
   * @param given.completionUrls the signed URLs that calls carry; absent or null for none
   * @param given.userAgent what calls say of who makes them; `tercet` when absent
   * @param given.keepsErrorBodies answers have the beginning of the body of a 5xx; false when absent
   * @param given.now the time that signatures bear; this machine's when absent
   * @param given.elapsedMs measures how long an address is not called, and a connection used; this machine's monotonic clock when
   * absent
   * @param given.draw a random number from 0 to 1, which spreads the ends of connections; this machine's when absent
   */
  constructor(given: {
    registry: ParticipantRegistry;
    ca: string | null;
    maxIdleConnections: number;
    lookup?: LookupFunction;
    proxy?: ProxyParts | null;
    credentials?: CredentialsByName;
    completionUrls?: CompletionUrls | null;
    userAgent?: string;
    keepsErrorBodies?: boolean;
    now?: () => Instant;
    elapsedMs?: () => number;
    draw?: () => number;
  }) {
    this.#registry = given.registry;
    this.#ca = given.ca;
    this.#connectorOf = guardedConnectors(given.lookup);
    this.#connect = this.#connectorOf({ ca: given.ca });
    this.#proxy = given.proxy ? new HttpProxy(given.proxy) : null;
    this.#maxIdleConnections = given.maxIdleConnections;
    this.#completionUrls = given.completionUrls ?? null;
    this.#ownHeaders = ['user-agent', given.userAgent ?? 'tercet', ...SAME_HEADERS];
    this.#keepsErrorBodies = given.keepsErrorBodies ?? false;
    this.#now = given.now ?? Date.now;
    this.#elapsedMs = given.elapsedMs ?? (() => performance.now());
    this.#draw = given.draw ?? Math.random;
    this.#plain = { targets: this.#newTargets(), credentials: null };
    this.useCredentials(given.credentials ?? new Map());
  }

  /** Calls that are sent from now on carry these. Calls under way end as they were sent. */
  useCredentials(byName: CredentialsByName): void {
    for (const [name, { credentials, targets }] of this.#credentialed) {
      const next = byName.get(name);
      if (next !== undefined && areSameCredentials(next, credentials)) continue;
      this.#credentialed.delete(name);
      this.#retire(targets);
    }
    for (const [name, credentials] of byName)
      if (!this.#credentialed.has(name))
        this.#credentialed.set(name, { credentials, targets: this.#newTargets(name, credentials) });
  }

  call(call: ParticipantCall): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      const exchange = new Exchange(call.timeoutMs, resolve);
      if (call.isResultWanted) exchange.keepBody();
      if (this.#keepsErrorBodies) exchange.keepErrorBody();
      this.#find(call.participant).then(
        (participant) => this.#send(participant, call, exchange),
        (error: unknown) => exchange.fail(error, 'the participants could not be looked up: '),
      );
    });
  }

  /** Ends when the calls under way have ended; later ones are answered that they were not sent. */
  async close(): Promise<void> {
    this.#closing ??= Promise.all([
      ...[this.#plain, ...this.#credentialed.values()].map(({ targets }) => targets.close()),
      ...this.#retired,
    ]);
    await this.#closing;
  }

  /** Also a registry that throws at once only fails the call. */
  async #find(name: string): Promise<Participant | null> {
    return this.#registry.find(name);
  }

  #send(participant: Participant | null, call: ParticipantCall, exchange: Exchange): void {
    if (exchange.isOver) return;
    if (this.#closing !== null) {
      exchange.fail('the coordinator is stopping: not sent');
      return;
    }
    exchange.sent();
    if (participant === null) {
      exchange.fail(
        isAddress(call.participant)
          ? // Its path, and a user in it, may be secret, and answers are logged.
            'the address is not on the allow-list'
          : `no participant “${call.participant}” is registered`,
      );
      return;
    }
    try {
      const { targets, credentials } = this.#credentialed.get(participant.name) ?? this.#plain;
      const {
        origin,
        connections,
        path,
        headers: first,
      } = targets.of(this.#addressFor(participant, exchange));
      exchange.goesTo(origin);
      if (credentials?.secrets.length) exchange.hide(credentials.secrets);
      const { activity, op, payload: body } = call;
      const ownPath = participant.paths[`${activity}/${op}`] ?? `/${activity}/${op}`;
      const headers = headersOf(call, first);
      if (this.#completionUrls !== null) addCompletionUrl(headers, call, this.#completionUrls);
      if (participant.secrets?.length) this.#sign(headers, call, participant.secrets);
      connections.send({ method: 'POST', path: path + ownPath, headers, body }, exchange);
    } catch (error) {
      exchange.fail(error);
    }
  }

  /** @param name of the participant that they are of alone */
  #newTargets(name?: string, credentials: Credentials | null = null): Targets {
    return new Targets({
      connect: credentials ? this.#connectorOf({ ca: this.#ca, ...credentials.tls }) : this.#connect,
      proxy: this.#proxy,
      connectToProxy: this.#connect,
      headers: [...this.#ownHeaders, ...(credentials?.headers ?? [])],
      ...(name !== undefined && { check: (origin: string) => checkOrigin(name, credentials, origin) }),
      maxIdleCount: this.#maxIdleConnections,
      elapsedMs: this.#elapsedMs,
      draw: this.#draw,
    });
  }

  #retire(targets: Targets): void {
    // A connection that was destroyed meanwhile has ended too.
    const closed = targets.close().catch(() => {});
    const retired: Promise<void> = closed.finally(() => this.#retired.delete(retired));
    this.#retired.add(retired);
  }

  #sign(headers: string[], call: ParticipantCall, secrets: readonly string[]): void {
    const signed = signatureHeaders(call, call.payload, secrets, new Date(this.#now()));
    for (const [name, value] of Object.entries(signed)) headers.push(name, value);
  }

  /** Of one address nothing is remembered: there is no other to go to. */
  #addressFor(participant: Participant, exchange: Exchange): string {
    const [only = ''] = participant.baseUrls;
    if (participant.baseUrls.length === 1) return only;
    const addresses = this.#addressesOf(participant);
    const baseUrl = addresses.next(this.#elapsedMs());
    exchange.onEnd(({ httpStatus, isUnsent }) => {
      if (isUnsent) return;
      const hasAnswered = httpStatus !== null && !AWAY.includes(httpStatus);
      addresses.heard(baseUrl, hasAnswered, this.#elapsedMs());
    });
    return baseUrl;
  }

  #addressesOf({ name, baseUrls }: Participant): Addresses {
    const known = this.#addresses.get(name);
    if (known?.areThose(baseUrls)) return known;
    const addresses = new Addresses(baseUrls);
    this.#addresses.set(name, addresses);
    return addresses;
  }
}

/** A callback is not completed: any 2xx delivers it. */
function addCompletionUrl(
  headers: string[],
  { gid, branchId, op }: ParticipantCall,
  urls: CompletionUrls,
): void {
  if (branchId !== null && op !== 'notify')
    headers.push(CALL_HEADERS.completionUrl, urls.urlOf({ gid, branchId, op }));
}

/** Names and values, alternating. */
function headersOf(call: ParticipantCall, first: readonly string[]): string[] {
  const { gid, branchId, op, kind, attempt, deadlineAt } = call;
  const headers = [
    ...first,
    CALL_HEADERS.gid,
    gid,
    CALL_HEADERS.op,
    op,
    CALL_HEADERS.attempt,
    String(attempt),
    CALL_HEADERS.idempotencyKey,
    idempotencyKeyOf(call),
  ];
  // Who hears of the end hears of no branch, and of no deadline.
  if (branchId !== null)
    headers.push(CALL_HEADERS.branchId, branchId, CALL_HEADERS.deadline, new Date(deadlineAt).toISOString());
  if (kind !== null) headers.push(CALL_HEADERS.kind, kind);
  for (const name of ['traceparent', 'tracestate', 'baggage'] as const) {
    const value = call[name];
    if (value !== null) headers.push(CALL_HEADERS[name], value);
  }
  return headers;
}
