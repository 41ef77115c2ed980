/**
 * Replicas of different versions on one database: each stores a heartbeat that says which journal versions it reads. A new
 * version of the journal is written only once all of them read it.
 *
 * This keeps an upgrade free of interruptions; it is not what keeps it safe. A replica that meets a version that it does not
 * know neither calls nor saves, whatever the heartbeats say.
 *
 * - A replica that has not stored its heartbeat yet, or not for too long, writes the version before.
 * - A replica that stops removes its heartbeat. One that died is ignored after `EXPIRED_MS`.
 */
import type { Instant } from '../domain/index.ts';
import type { Chance, Log, Time } from './ports.ts';
import { Repetition } from './repetition.ts';

export type Heartbeat = {
  /** The writer of its journal rows. */
  readonly id: string;
  readonly programVersion: string;
  /** The newest version of the journal that it reads. */
  readonly newestReadVersion: number;
  /** By the clock of the database. */
  readonly seenAt: Instant;
};

export interface HeartbeatStore {
  /**
   * Stores a heartbeat in place of the last one, and removes those from before `expiredBefore`.
   * @returns all that are left
   */
  beat(heartbeat: Heartbeat, expiredBefore: Instant): Promise<readonly Heartbeat[]>;
  remove(id: string): Promise<void>;
}

export const EVERY_MS = 5000;
/** A replica without a heartbeat for this long is gone. */
export const EXPIRED_MS = 60_000;

/** The versions of the journal of one program. */
export type Versions = {
  readonly oldestRead: number;
  readonly newestRead: number;
  readonly newestWritten: number;
};

export type ReplicasParts = {
  readonly heartbeats: HeartbeatStore;
  readonly time: Time;
  readonly chance: Chance;
  readonly log: Log;
  readonly id: string;
  readonly programVersion: string;
  readonly versions: Versions;
  /** From now on this version of the journal is written. */
  readonly onWrittenVersion: (version: number) => void;
};

export class Replicas {
  readonly #given: ReplicasParts;
  readonly #repetition: Repetition;
  readonly #versionBefore: number;
  #agreedVersion: number;
  #reportedVersion: number | null = null;
  #beatAtMs: number | null = null;
  /** One log line for a database that is away, not one for each heartbeat. */
  #isFailing = false;

  constructor(given: ReplicasParts) {
    const { oldestRead, newestWritten } = given.versions;
    this.#given = given;
    this.#versionBefore = Math.max(oldestRead, newestWritten - 1);
    this.#agreedVersion = this.#versionBefore;
    this.#repetition = new Repetition({ ...given, everyMs: EVERY_MS, pass: () => this.#pass() });
  }

  /** The version of the journal to write now. */
  get writtenVersion(): number {
    const { time } = this.#given;
    const isKnown = this.#beatAtMs !== null && time.elapsedMs() - this.#beatAtMs < EXPIRED_MS;
    return isKnown ? this.#agreedVersion : this.#versionBefore;
  }

  /** One heartbeat, and what follows from those of the others. */
  async beat(): Promise<void> {
    const { heartbeats, time, id, programVersion, versions, onWrittenVersion } = this.#given;
    const settling = time.settle();
    if (settling !== null) await settling;
    const { earliest, latest } = time.now();
    const sentAtMs = time.elapsedMs();
    const own = { id, programVersion, newestReadVersion: versions.newestRead, seenAt: latest };
    const all = await heartbeats.beat(own, earliest - EXPIRED_MS);
    const readByAll = Math.min(...all.map(({ newestReadVersion }) => newestReadVersion));
    this.#agreedVersion = Math.max(this.#versionBefore, Math.min(versions.newestWritten, readByAll));
    this.#beatAtMs = sentAtMs;
    if (this.#reportedVersion === this.#agreedVersion) return;
    this.#reportedVersion = this.#agreedVersion;
    onWrittenVersion(this.#agreedVersion);
  }

  /** Answers when the first heartbeat is stored, or could not be: the next one follows. */
  async start(): Promise<void> {
    await this.#pass();
    this.#repetition.start();
  }

  async stop(): Promise<void> {
    const { heartbeats, id, log } = this.#given;
    this.#repetition.stop();
    await heartbeats
      .remove(id)
      .catch((error: unknown) => log.error('heartbeat not removed: it expires by itself', error));
  }

  async #pass(): Promise<number> {
    try {
      await this.beat();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing && !this.#repetition.isStopped)
        this.#given.log.error('heartbeat not stored', error);
      this.#isFailing = true;
    }
    return EVERY_MS;
  }
}
