/**
 * What the shop's services can be asked, in one place for them and for whoever orders.
 *
 * An order is a tcc: reserve, hold and open set aside first. A gift is a saga: take, charge or transfer, book and load take
 * effect at once.
 */
import { defineContract } from '@tercet/sdk';
import { Type } from 'typebox';

const Count = Type.Integer({ minimum: 1 });

const Pieces = Type.Object({ item: Type.String(), quantity: Count });
const Amount = Type.Object({ account: Type.String(), cents: Count });

export const inventory = defineContract('inventory', {
  reserve: { kind: 'tcc', payload: Pieces },
  take: { kind: 'step', payload: Pieces },
});

export const payment = defineContract('payment', {
  hold: { kind: 'tcc', payload: Amount },
  charge: { kind: 'step', payload: Amount },
  transfer: { kind: 'pivot', payload: Amount },
});

export const shipping = defineContract('shipping', {
  open: { kind: 'tcc', payload: Type.Object({ order: Type.String(), address: Type.String() }) },
  book: {
    kind: 'step',
    payload: Type.Object({ order: Type.String() }),
    result: Type.Object({ van: Type.String() }),
  },
  load: {
    kind: 'step',
    payload: Type.Object({ order: Type.String(), address: Type.String(), van: Type.String() }),
  },
});
