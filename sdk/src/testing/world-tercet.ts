/** The initiator of a world: the real one, with a record of when a function of the test runs. */
import { setImmediate } from 'node:timers/promises';
import type { Registration } from '../initiator/registration.ts';
import { Tercet } from '../initiator/tercet.ts';
import type { Callable, RunOptions, RunOutcome, Transaction } from '../initiator/types.ts';
import type { ParticipantView } from '../../../src/wire/index.ts';
import type { UserCode } from './user-code.ts';
import type { WorldTime } from './world-time.ts';
import { COORDINATOR_URL, type Fetch } from './world-fetch.ts';

type WorldTercetParts<All extends readonly Callable[]> = {
  readonly contracts: All;
  readonly secrets: Readonly<Record<string, string | readonly string[]>>;
  readonly fetch: Fetch;
  readonly worldTime: WorldTime;
};

export class WorldTercet<const All extends readonly Callable[]> extends Tercet<All> {
  readonly #userCode: UserCode;
  readonly #fetch: Fetch;

  constructor({ contracts, secrets, fetch, worldTime }: WorldTercetParts<All>) {
    super({ urls: COORDINATOR_URL, contracts, secrets, fetch, timing: timingOf(worldTime) });
    this.#userCode = worldTime.userCode;
    this.#fetch = fetch;
  }

  /**
   * Every participant of a world is registered already, at an address of the world: `where` changes nothing.
   * @throws TypeError for one that the world does not have
   */
  override async register(one: Callable, _where: Registration): Promise<ParticipantView> {
    const { name } = 'contract' in one ? one.contract : one;
    const response = await this.#fetch(`${COORDINATOR_URL}/v1/participants/${name}`);
    if (!response.ok) throw new TypeError(`no participant of this world is named ${name}`);
    return (await response.json()) as ParticipantView;
  }

  override run<Value>(
    options: RunOptions,
    work: (tx: Transaction<All>) => Value | Promise<Value>,
  ): Promise<RunOutcome<Value>> {
    const userCode = this.#userCode;
    return userCode.waitFor(() => super.run(options, (tx) => userCode.run('body', () => work(tx))));
  }
}

/** Every delay of the initiator is waited for, in the context of who asked for it. */
const timingOf = ({ clock, userCode }: WorldTime) => ({
  elapsedMs: () => clock.elapsedMs(),
  after(delayMs: number, fn: () => void) {
    const endWait = userCode.wait();
    const cancel = clock.after(delayMs, () => {
      endWait();
      fn();
    });
    return () => {
      endWait();
      cancel();
    };
  },
  // The clock of the world stands meanwhile.
  nextTurn: async () => void (await userCode.run('body', () => setImmediate())),
});
