/** What the shop of the trace stories asks of its participants. */
import { defineContract } from '@tercet/sdk';
import { Type } from 'typebox';

const payload = Type.Object({ isRefused: Type.Boolean() });

export const stock = defineContract('stock', {
  reserve: { payload },
  pick: { payload, kind: 'step' },
  pack: { payload, kind: 'step' },
});

/** passes-on.py. */
export const python = defineContract('python', { reserve: { payload } });
