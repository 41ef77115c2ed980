/**
 * All transactions that this process is carrying out: one drive for each gid, and never two.
 */
import { isFinished } from '../domain/index.ts';
import { type Answer, Drive, type DriveTools, type Idle, type Request } from './drive.ts';
import type { Saved, WakeQueue } from './ports.ts';

export class CarryOut {
  readonly #tools: DriveTools;
  readonly #wakes: WakeQueue;
  readonly #onFinished: (saved: Saved) => void;
  readonly #drives = new Map<string, Drive>();
  #isStopping = false;
  #tellStopped = () => {};

  constructor(given: {
    tools: Omit<DriveTools, 'isStopping'>;
    wakes: WakeQueue;
    onFinished: (saved: Saved) => void;
  }) {
    this.#tools = { ...given.tools, isStopping: () => this.#isStopping };
    this.#wakes = given.wakes;
    this.#onFinished = given.onFinished;
  }

  /** Asks the protocol; a begin is asked first of the database's primary key, without a look-up. */
  ask(gid: string, request: Request): Promise<Answer | 'lost'> {
    return this.#driveOf(gid, request.begin?.mayExist === false).ask(request);
  }

  /** Someone says that this gid has something to do. */
  wake(gid: string): void {
    if (!this.#isStopping) void this.#driveOf(gid, false).turn();
  }

  /** Transactions that are in this process's hands now. */
  get size(): number {
    return this.#drives.size;
  }

  /** Sends no more calls, and answers when the replies to those under way are heard and saved. */
  stop(): Promise<void> {
    this.#isStopping = true;
    for (const drive of this.#drives.values()) void drive.turn();
    return new Promise((resolve) => {
      this.#tellStopped = resolve;
      if (this.#drives.size === 0) resolve();
    });
  }

  #driveOf(gid: string, isNew: boolean): Drive {
    const known = this.#drives.get(gid);
    if (known) return known;
    const drive = new Drive({
      gid,
      tools: this.#tools,
      isNew,
      onSaved: (saved) => {
        if (isFinished(saved.tx)) this.#onFinished(saved);
      },
      onIdle: (next) => this.#letGo(gid, next),
    });
    this.#drives.set(gid, drive);
    return drive;
  }

  #letGo(gid: string, { seq, lookAgainAt, lookAgainFor }: Idle): void {
    this.#drives.delete(gid);
    if (lookAgainAt !== null) this.#wakes.wakeAt(gid, seq, lookAgainAt, lookAgainFor);
    if (this.#isStopping && this.#drives.size === 0) this.#tellStopped();
  }
}
