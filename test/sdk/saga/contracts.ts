/** What the sagas of these tests are built of. */
import { defineContract } from '@tercet/sdk';
import { Type } from 'typebox';

export const inventory = defineContract('inventory', {
  reserve: {
    payload: Type.Object(
      { item: Type.String(), quantity: Type.Integer({ minimum: 1 }) },
      { additionalProperties: false },
    ),
    result: Type.Object({
      reservationId: Type.String(),
      boxes: Type.Array(Type.Object({ grams: Type.Integer() })),
      /** From the shelf to the door. */
      way: Type.Tuple([Type.String(), Type.String()]),
      coupon: Type.Optional(Type.Object({ code: Type.String() })),
    }),
  },
});

export const payment = defineContract('payment', {
  authorise: {
    payload: Type.Object({ account: Type.String(), cents: Type.Integer({ minimum: 1 }) }),
    result: Type.Object({ holdId: Type.String() }),
  },
  capture: {
    payload: Type.Object({ holdId: Type.String(), note: Type.Optional(Type.String()) }),
  },
});

export const shipping = defineContract('shipping', {
  book: {
    payload: Type.Object({ to: Type.String(), grams: Type.Array(Type.Integer()) }),
    result: Type.Object({ bookingId: Type.String() }),
  },
  send: {
    payload: Type.Object({
      booking: Type.Union([Type.Object({ id: Type.String() }), Type.Null()]),
      labels: Type.Record(Type.String(), Type.String()),
    }),
  },
  anything: { payload: Type.Unknown() },
});

export const mugs = { item: 'mug', quantity: 2 };
export const money = { account: 'ada', cents: 2500 };
