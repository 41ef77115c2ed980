/** What the sagas of these tests are built of. */
import { defineContract } from '@tercet/sdk';
import { Type } from 'typebox';

export const inventory = defineContract('inventory', {
  reserve: {
    kind: 'step',
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

const authorisation = {
  payload: Type.Object({ account: Type.String(), cents: Type.Integer({ minimum: 1 }) }),
  result: Type.Object({ holdId: Type.String() }),
};

const taking = {
  payload: Type.Object({ holdId: Type.String(), note: Type.Optional(Type.String()) }),
};

export const payment = defineContract('payment', {
  authorise: { kind: 'step', ...authorisation },
  /** The same, immediately and for good. */
  charge: { kind: 'pivot', ...authorisation },
  capture: { kind: 'pivot', ...taking },
  /** The same, and can be undone. */
  settle: { kind: 'step', ...taking },
});

export const shipping = defineContract('shipping', {
  book: {
    kind: 'step',
    payload: Type.Object({ to: Type.String(), grams: Type.Array(Type.Integer()) }),
    result: Type.Object({ bookingId: Type.String() }),
  },
  send: {
    kind: 'step',
    payload: Type.Object({
      booking: Type.Union([Type.Object({ id: Type.String() }), Type.Null()]),
      labels: Type.Record(Type.String(), Type.String()),
    }),
  },
  anything: { kind: 'step', payload: Type.Unknown() },
  /** Decides. */
  leave: { kind: 'pivot', payload: Type.Unknown() },
  /** Has nothing to undo. */
  look: { kind: 'step_uncompensated', payload: Type.Unknown() },
  mail: { kind: 'final', payload: Type.Unknown() },
});

export const mugs = { item: 'mug', quantity: 2 };
export const money = { account: 'ada', cents: 2500 };
