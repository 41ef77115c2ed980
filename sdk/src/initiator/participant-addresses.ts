/**
 * The addresses of participants: the coordinator's registrations, cached for a while.
 *
 * An address that failed is asked for again before the next call, so that a participant that moved is found;
 * and of several addresses the next one is taken. A coordinator that is away does not keep us from an address
 * that we know.
 */
import type { CoordinatorClient } from './coordinator-client.ts';
import type { Timing } from './timing.ts';

/** How long a changed registration may go unnoticed while the old address still answers: as long as for a coordinator. */
const FRESH_MS = 1000;
/** Where an older address is known, the coordinator is not waited for any longer. */
const REFRESH_PATIENCE_MS = 3000;

export type Address = {
  readonly baseUrl: string;
  /** Paths that differ from `/{activity}/{op}`, by `activity/op`. */
  readonly paths: Readonly<Record<string, unknown>>;
  readonly callTimeoutMs: number | null;
};

type Registration = Omit<Address, 'baseUrl'> & { readonly baseUrls: readonly string[] };
type Entry = { readonly registration: Registration; freshUntilMs: number };

export class ParticipantAddresses {
  readonly #client: CoordinatorClient;
  readonly #timing: Timing;
  readonly #entries = new Map<string, Entry>();
  readonly #turns = new Map<string, number>();

  constructor({ client, timing }: { readonly client: CoordinatorClient; readonly timing: Timing }) {
    this.#client = client;
    this.#timing = timing;
  }

  /** Never rejects; `failure` says why there is no address. */
  async find(
    participant: string,
    patience: { readonly patienceMs: number; readonly signal: AbortSignal },
  ): Promise<Address | { readonly failure: string }> {
    const known = this.#entries.get(participant);
    if (known && known.freshUntilMs > this.#timing.elapsedMs()) return this.#addressOf(participant, known);
    const patienceMs = known ? Math.min(patience.patienceMs, REFRESH_PATIENCE_MS) : patience.patienceMs;
    const answer = await this.#client.ask(
      { method: 'GET', path: `/v1/participants/${participant}`, reads: readRegistration },
      { ...patience, patienceMs },
    );
    if (answer.kind === 'accepted') {
      const entry = { registration: answer.value, freshUntilMs: this.#timing.elapsedMs() + FRESH_MS };
      this.#entries.set(participant, entry);
      return this.#addressOf(participant, entry);
    }
    if (known) return this.#addressOf(participant, known);
    return { failure: answer.kind === 'rejected' ? answer.problem.detail : answer.failure };
  }

  /** No clear answer came from there. */
  failed(participant: string): void {
    const entry = this.#entries.get(participant);
    if (entry) entry.freshUntilMs = Number.NEGATIVE_INFINITY;
    this.#turns.set(participant, this.#turnOf(participant) + 1);
  }

  #addressOf(participant: string, { registration: { baseUrls, ...rest } }: Entry): Address {
    const baseUrl = baseUrls[this.#turnOf(participant) % baseUrls.length] as string;
    return { ...rest, baseUrl: baseUrl.replace(/\/+$/, '') };
  }

  /** Each initiator begins at an address of its own, so that not all of them call the same one. */
  #turnOf(participant: string): number {
    const turn = this.#turns.get(participant) ?? Math.floor(Math.random() * 16);
    this.#turns.set(participant, turn);
    return turn;
  }
}

function readRegistration(body: unknown): Registration | null {
  if (typeof body !== 'object' || body === null) return null;
  const { baseUrls, paths, callTimeoutMs } = body as Readonly<Record<string, unknown>>;
  if (!Array.isArray(baseUrls) || baseUrls.length === 0) return null;
  if (!baseUrls.every((one) => typeof one === 'string')) return null;
  return {
    baseUrls,
    paths: typeof paths === 'object' && paths !== null ? { ...paths } : {},
    callTimeoutMs: typeof callTimeoutMs === 'number' ? callTimeoutMs : null,
  };
}
