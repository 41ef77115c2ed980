/** What the demo was asked to do, by its arguments and its environment. What cannot be done is said at once. */
import { parseArgs } from 'node:util';

const PARTICIPANTS = ['inventory', 'payment', 'shipping'];
const USAGE = `npm run demo -- [--keep] [--without-barrier ${PARTICIPANTS.join('|')}]`;

export type Asked = {
  /** Keep the shop open until it is interrupted. */
  readonly keep: boolean;
  /** The participant whose barrier is taken away. */
  readonly withoutBarrier: string | null;
};

export function readAsked(): Asked {
  try {
    const { values } = parseArgs({
      options: { keep: { type: 'boolean', default: false }, 'without-barrier': { type: 'string' } },
    });
    const withoutBarrier = values['without-barrier'] || process.env.TERCET_DEMO_WITHOUT_BARRIER || null;
    if (withoutBarrier !== null && !PARTICIPANTS.includes(withoutBarrier))
      throw new Error(`There is no participant “${withoutBarrier}”.`);
    return { keep: values.keep, withoutBarrier };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}\n`);
    process.exit(2);
  }
}
