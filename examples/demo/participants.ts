/** What the demo asks of the shop's participants: their numbers, what came of every call, and a little trouble. */
import type { Effect } from '../shop/effects.ts';
import type { Child } from './children.ts';
import type { Branch, Transaction } from './tercet.ts';
import { waitUntil } from './wait-until.ts';

/** A line of a participant's books: its name, then what is available, set aside and gone, in its own words. */
export type Numbers = Readonly<Record<string, string | number>>;

/** What came of a call, and where. */
export type EffectThere = Effect & { readonly participant: string };

/** All that one transaction did, at each of them oldest first. */
export async function effectsOf(participants: readonly Participant[], gid: string): Promise<EffectThere[]> {
  const effects = await Promise.all(
    participants.map(async (one) =>
      (await one.effects(gid)).map((effect) => ({ ...effect, participant: one.name })),
    ),
  );
  return effects.flat();
}

export class Participant {
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
  }

  get name(): string {
    return this.child.name;
  }

  numbers(): Promise<readonly Numbers[]> {
    return this.#ask('/numbers');
  }

  async effects(gid: string): Promise<readonly Effect[]> {
    const effects = await this.#ask<readonly Effect[]>('/effects');
    return effects.filter((effect) => effect.gid === gid);
  }

  /** The initiator's own call, in interactive transactions; answers the HTTP status. */
  async try(tx: Transaction, branch: Branch, attempt: number): Promise<number> {
    const response = await fetch(`${this.child.url}/${branch.activity}/try`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'tcc-transaction-id': tx.gid,
        'tcc-branch-id': branch.branchId,
        'tcc-op': 'try',
        'tcc-attempt': String(attempt),
        'tcc-deadline': tx.deadlineAt,
        'idempotency-key': `${tx.gid}/${branch.branchId}/try`,
      },
      body: JSON.stringify(branch.payload),
    });
    await response.text();
    return response.status;
  }

  async hold(op: string): Promise<void> {
    await this.#ask('/trouble', { hold: op });
  }

  async loseNextAnswer(op: string): Promise<void> {
    await this.#ask('/trouble', { lose: op });
  }

  async release(): Promise<void> {
    await this.#ask('/trouble', { release: true });
  }

  /** Waits until a call stands at the door; answers how many do. */
  async someoneHeld(): Promise<number> {
    return waitUntil(`a call is held at ${this.name}`, async () => {
      const { waitingCount } = await this.#ask<{ waitingCount: number }>('/trouble');
      return waitingCount > 0 ? waitingCount : null;
    });
  }

  async #ask<T>(path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.child.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${this.name} answered ${response.status} to ${path}`);
    return (await response.json()) as T;
  }
}
