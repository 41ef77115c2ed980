/** Turns of a drive: one at a time. A turn that is requested while one runs follows it. */
export class Turns {
  readonly #turnOnce: () => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #state: 'idle' | 'running' | 'running and requested' = 'idle';

  constructor(given: { turnOnce: () => Promise<void>; onError: (error: unknown) => void }) {
    this.#turnOnce = given.turnOnce;
    this.#onError = given.onError;
  }

  /** Whether another turn follows the one that runs. */
  get isRequested(): boolean {
    return this.#state === 'running and requested';
  }

  async request(): Promise<void> {
    const isRunning = this.#state !== 'idle';
    this.#state = 'running and requested';
    if (isRunning) return;
    try {
      while (this.isRequested) {
        this.#state = 'running';
        await this.#turnOnce();
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#state = 'idle';
    }
  }
}
