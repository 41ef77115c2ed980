/**
 * A batch writer that fails as databases do, in front of one that works: for the rules of group commit, without a
 * network. Each call asks which fault it meets; `scripted` is a list of them, after which all goes well.
 */
import type { BatchOutcome, BatchWriter, Save } from '../../src/application/ports.ts';

export type Fault =
  | 'none'
  /** Nothing was written, and the same may succeed. */
  | 'transient'
  /** The COMMIT was lost on its way. */
  | 'unknown, not written'
  /** The COMMIT's answer was lost. */
  | 'unknown, written'
  /** The COMMIT appears only after the next call was answered. */
  | 'unknown, written late';

export class FaultWriter implements BatchWriter {
  /** The gids of every call, in order. */
  readonly batches: string[][] = [];
  /** Saves of these gids are refused on their own account, and their whole batch with them. */
  readonly poisoned = new Set<string>();
  readonly #writer: BatchWriter;
  readonly #nextFault: () => Fault;
  #isBusy = false;
  #late: (() => Promise<unknown>) | null = null;

  constructor(writer: BatchWriter, nextFault: () => Fault) {
    this.#writer = writer;
    this.#nextFault = nextFault;
  }

  async writeBatch(saves: readonly Save[]): Promise<BatchOutcome> {
    if (this.#isBusy) throw new Error('a batch was sent before the last was answered');
    this.#isBusy = true;
    this.batches.push(saves.map(({ gid }) => gid));
    const result = await this.#answer(saves, this.#nextFault());
    this.#isBusy = false;
    return result;
  }

  async #answer(saves: readonly Save[], fault: Fault): Promise<BatchOutcome> {
    const late = this.#late;
    this.#late = null;
    const error = new Error(fault);
    if (saves.some(({ gid }) => this.poisoned.has(gid)))
      return { outcome: 'rejected', because: 'row', error: new Error('poisoned') };
    switch (fault) {
      case 'transient':
        return { outcome: 'rejected', because: 'store', error };
      case 'unknown, not written':
        return { outcome: 'unknown', error };
      case 'unknown, written':
        await this.#writer.writeBatch(saves);
        return { outcome: 'unknown', error };
      case 'unknown, written late':
        this.#late = () => this.#writer.writeBatch(saves);
        return { outcome: 'unknown', error };
      case 'none': {
        const result = await this.#writer.writeBatch(saves);
        await late?.();
        return result;
      }
    }
  }
}

export function scripted(faults: readonly Fault[]): () => Fault {
  const left = [...faults];
  return () => left.shift() ?? 'none';
}
