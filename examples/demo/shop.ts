/** The whole shop, running: a coordinator and three participants, each a program with a database of its own. */
import { join } from 'node:path';
import { Child } from './children.ts';
import { Participant } from './participants.ts';
import { Tercet } from './tercet.ts';

/**
 * Short, so that the demo is: a transaction whose coordinator died is taken over once the sum of both time-outs and a
 * second has passed since it was last saved. A real shop keeps the defaults.
 */
const COORDINATOR_SETTINGS = {
  TERCET_CALL_TIMEOUT_MS: '700',
  TERCET_COMMIT_TIMEOUT_MS: '300',
  TERCET_SWEEP_INTERVAL_MS: '200',
  TERCET_RETRY_FIRST_DELAY_MS: '50',
  TERCET_RETRY_MAX_DELAY_MS: '400',
};

export class Shop {
  readonly coordinator: Child;
  readonly tercet: Tercet;
  readonly inventory: Participant;
  readonly payment: Participant;
  readonly shipping: Participant;

  /** @param withoutBarrier the participant whose barrier is taken away, to see the sums go wrong */
  constructor(folder: string, withoutBarrier: string | null) {
    const participant = (name: string) =>
      new Participant(
        new Child(
          {
            name,
            file: `examples/shop/${name}.ts`,
            settings: (port) => ({
              SHOP_PORT: String(port),
              SHOP_DATABASE: join(folder, `${name}.db`),
              SHOP_TROUBLE: 'allowed',
              SHOP_WITHOUT_BARRIER: withoutBarrier ?? '',
            }),
          },
          folder,
        ),
      );
    this.inventory = participant('inventory');
    this.payment = participant('payment');
    this.shipping = participant('shipping');
    this.coordinator = new Child(
      {
        name: 'coordinator',
        file: 'src/main.ts',
        settings: (port) => ({
          ...COORDINATOR_SETTINGS,
          TERCET_HOST: '127.0.0.1',
          TERCET_PORT: String(port),
          TERCET_DATABASE_URL: `sqlite:${join(folder, 'coordinator.db')}`,
        }),
      },
      folder,
    );
    this.tercet = new Tercet(() => this.coordinator.url);
  }

  get participants(): readonly Participant[] {
    return [this.inventory, this.payment, this.shipping];
  }

  /** The participants register under their names, so that the coordinator knows where to call them. */
  async open(): Promise<void> {
    await Promise.all(
      [this.coordinator, ...this.participants.map(({ child }) => child)].map((one) => one.start()),
    );
    for (const { name, child } of this.participants) await this.tercet.register(name, child.url);
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.coordinator, ...this.participants.map(({ child }) => child)].map((one) => one.stop()),
    );
  }
}
