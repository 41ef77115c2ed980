/** Recoveries and claims in memory: the same answers as the SQL adapter, by the same contract suite. */
import type { Loaded, ResumptionClaim, Resumptions, WaitingQuery } from '../../application/ports.ts';
import { type Call, type GlobalTransaction, type Instant, isBounded, isGivenUp } from '../../domain/index.ts';

type Claimed = { readonly at: Instant; readonly claimant: string };

export class MemoryResumptions implements Resumptions {
  readonly #rows: () => readonly Loaded[];
  readonly #notes = new Map<string, Instant>();
  readonly #claims = new Map<string, Claimed>();

  constructor(rows: () => readonly Loaded[]) {
    this.#rows = rows;
  }

  async note(participant: string, now: Instant, notedAfter: Instant): Promise<boolean> {
    const notedAt = this.#notes.get(participant) ?? notedAfter;
    if (notedAt > notedAfter && notedAt <= now + (now - notedAfter)) return false;
    this.#notes.set(participant, now);
    return true;
  }

  async notes(): Promise<ReadonlyMap<string, Instant>> {
    return new Map(this.#notes);
  }

  async waitingFor({ participant, datedAfter, after, limit }: WaitingQuery): Promise<readonly string[]> {
    return this.#rows()
      .filter(({ tx, wakeAt }) => wakeAt !== null && wakeAt > datedAfter && tx.gid > after)
      .filter(({ tx }) => !isBounded(tx) && isWaiting(tx, participant))
      .map(({ tx }) => tx.gid)
      .sort()
      .slice(0, limit);
  }

  async claim({ participant, gids, now, expiredAt, claimant }: ResumptionClaim): Promise<readonly string[]> {
    const got = gids.filter((gid) => {
      const at = this.#claims.get(`${participant}/${gid}`)?.at ?? expiredAt;
      return at <= expiredAt || at > now + (now - expiredAt);
    });
    for (const gid of got) this.#claims.set(`${participant}/${gid}`, { at: now, claimant });
    return got.sort();
  }

  async forgetClaims(expiredAt: Instant, limit: number): Promise<number> {
    const expired = [...this.#claims].filter(([, { at }]) => at <= expiredAt).slice(0, limit);
    for (const [claim] of expired) this.#claims.delete(claim);
    return expired.length;
  }

  async givenUpParticipants(): Promise<readonly string[]> {
    return [...new Set(this.#givenUp().flatMap(({ participants }) => participants))].sort();
  }

  async givenUp(participant: string, after: string, limit: number): Promise<readonly string[]> {
    const gids = this.#givenUp().flatMap(({ gid, participants }) =>
      participants.includes(participant) && gid > after ? gid : [],
    );
    return gids.sort().slice(0, limit);
  }

  #givenUp(): { readonly gid: string; readonly participants: readonly string[] }[] {
    return this.#rows()
      .filter(({ wakeAt }) => wakeAt !== null)
      .map(({ tx }) => ({ gid: tx.gid, participants: givenUpIn(tx) }));
  }
}

function isWaiting({ branches, finishedAt, callback }: GlobalTransaction, participant: string): boolean {
  const isToBeTold = finishedAt !== null && callback?.participant === participant;
  const waits = branches.some(
    (branch) =>
      branch.participant === participant &&
      branch.phaseTwo.reply !== 'succeeded' &&
      ![branch.phaseOne, branch.phaseTwo].some(isAtWork),
  );
  return isToBeTold || waits;
}

const isAtWork = ({ acceptedAt, reply }: Call): boolean => acceptedAt !== null && reply === null;

function givenUpIn({ branches, policy, callback, notification }: GlobalTransaction): readonly string[] {
  const isParked = ({ parkedAt, reply }: Call) => parkedAt !== null && reply === 'unknown';
  const parked = branches.filter(({ phaseOne, phaseTwo }) => isParked(phaseOne) || isParked(phaseTwo));
  const isSpent = callback !== null && notification !== null && isGivenUp(notification, policy);
  return [...parked.map(({ participant }) => participant), ...(isSpent ? [callback.participant] : [])];
}
