import { until as untilNamed } from '../../support/until.ts';

export const until = (holds: () => boolean | Promise<boolean>): Promise<void> =>
  untilNamed(`${holds}`, holds);
