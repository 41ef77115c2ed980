/** What the shop's services can be asked, in one place for them and for whoever orders. */
import { defineContract } from '@tercet/sdk';
import { Type } from 'typebox';

const Count = Type.Integer({ minimum: 1 });

export const inventory = defineContract('inventory', {
  reserve: { payload: Type.Object({ item: Type.String(), quantity: Count }) },
});

export const payment = defineContract('payment', {
  hold: { payload: Type.Object({ account: Type.String(), cents: Count }) },
});

export const shipping = defineContract('shipping', {
  open: { payload: Type.Object({ order: Type.String(), address: Type.String() }) },
});
