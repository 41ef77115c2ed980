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
  reserve: { payload: Pieces },
  take: { payload: Pieces },
});

export const payment = defineContract('payment', {
  hold: { payload: Amount },
  charge: { payload: Amount },
  transfer: { payload: Amount },
});

export const shipping = defineContract('shipping', {
  open: { payload: Type.Object({ order: Type.String(), address: Type.String() }) },
  book: { payload: Type.Object({ order: Type.String() }), result: Type.Object({ van: Type.String() }) },
  load: { payload: Type.Object({ order: Type.String(), address: Type.String(), van: Type.String() }) },
});
