// What compiles, and what must not: each expected error is one that the compiler has to find. None of it is run.
import { expect, test } from '@jest/globals';
import {
  type ActivityHandle,
  branch,
  defineContract,
  type Reference,
  type Saga,
  saga,
  type Tercet,
} from '@tercet/sdk';
import { Type } from 'typebox';
import { inventory, money, mugs, payment, shipping } from './contracts.ts';

const start = saga('order').step('reserve', inventory.reserve, mugs);
const neverRun: (() => unknown)[] = [];

test('nothing of this file has to be run', () => {
  expect(neverRun).not.toHaveLength(0);
});

// The payload of a step is what its activity takes.
neverRun.push(() => [
  // @ts-expect-error a quantity is a number
  start.step('a', inventory.reserve, { item: 'mug', quantity: 'two' }),
  // @ts-expect-error a quantity is missing
  start.step('a', inventory.reserve, () => ({ item: 'mug' })),
  // @ts-expect-error there is no such word
  start.step('a', payment.authorise, { ...money, currency: 'EUR', account: 1 }),
  // @ts-expect-error there is no such activity
  start.step('a', inventory.steal, mugs),
  // @ts-expect-error a payload is not made later
  start.step('a', payment.authorise, async () => money),
]);

// A reference is typed as what it stands for, and stands in its place only.
neverRun.push(() => [
  start.step('a', payment.settle, ({ reserve }) => ({ holdId: reserve.reservationId })),
  start.step('a', payment.settle, ({ reserve }) => ({ holdId: reserve.way[1] })),
  start.step('a', payment.authorise, ({ reserve }) => ({ account: 'ada', cents: reserve.boxes[0]!.grams })),
  start.step('a', shipping.book, ({ reserve }) => ({ to: 'ada', grams: [1, reserve.boxes[0]!.grams] })),
  start.step('a', shipping.anything, ({ reserve }) => ({ all: reserve, part: [reserve.boxes] })),
  // @ts-expect-error it stands for text
  start.step('a', payment.authorise, ({ reserve }) => ({ account: 'ada', cents: reserve.reservationId })),
  // @ts-expect-error it stands for the whole result
  start.step('a', payment.settle, ({ reserve }) => ({ holdId: reserve })),
  // @ts-expect-error the result has no such part
  start.step('a', payment.settle, ({ reserve }) => ({ holdId: reserve.orderId })),
  // @ts-expect-error it may be missing
  start.step('a', payment.settle, ({ reserve }) => ({ holdId: reserve.coupon.code })),
  // @ts-expect-error a tuple has no third
  start.step('a', payment.settle, ({ reserve }) => ({ holdId: reserve.way[2] })),
  // @ts-expect-error it is no text yet, and has nothing of one
  start.step('a', payment.settle, ({ reserve }) => ({ holdId: reserve.reservationId.trim() })),
  // @ts-expect-error it is no array yet
  start.step('a', shipping.book, ({ reserve }) => ({ to: 'a', grams: reserve.boxes.map(() => 1) })),
]);

// What no result was promised of is not known; what may be anything may stand for anything.
const loose = defineContract('loose', { go: { kind: 'step', payload: Type.Object({}), result: Type.Any() } });
neverRun.push(() => [
  start
    .step('paid', payment.settle, { holdId: '1' })
    // @ts-expect-error settle promises no result
    .step('a', payment.settle, ({ paid }) => ({ holdId: paid.id })),
  start.step('gone', loose.go, {}).step('a', payment.settle, ({ gone }) => ({ holdId: gone.any!.where! })),
]);

// Only steps that come before can be referred to.
neverRun.push(() => [
  // @ts-expect-error there is no such step
  start.step('a', payment.settle, ({ book }) => ({ holdId: book.bookingId })),
  // @ts-expect-error not to itself
  start.step('a', payment.settle, ({ a }) => ({ holdId: a })),
  start.parallel(
    (chain) => chain.step('hold', payment.authorise, money),
    // @ts-expect-error a sibling
    (chain) => chain.step('a', payment.settle, ({ hold }) => ({ holdId: hold.holdId })),
  ),
  start
    .parallel(
      (chain) => chain.step('hold', payment.authorise, money),
      (chain) => chain.step('book', shipping.book, { to: 'ada', grams: [] }),
    )
    .step('a', payment.settle, ({ hold, book }) => ({ holdId: hold.holdId, note: book.bookingId })),
  start
    .step('hold', payment.authorise, money, { dependsOn: [] })
    .step('a', payment.settle, ({ hold }) => ({ holdId: hold.holdId }), { dependsOn: ['hold'] }),
  start
    .step('hold', payment.authorise, money, { dependsOn: [] })
    // @ts-expect-error it does not wait for reserve
    .step('a', payment.settle, ({ reserve }) => ({ holdId: reserve.reservationId }), {
      dependsOn: ['hold'],
    }),
  start
    .step('hold', payment.authorise, money)
    .step('a', payment.settle, ({ reserve }) => ({ holdId: reserve.reservationId }), {
      dependsOn: ['hold'],
    }),
]);

// Names are used once, and dependsOn names what stands before.
neverRun.push(() => [
  // @ts-expect-error the name is taken
  start.step('reserve', payment.authorise, money),
  // @ts-expect-error the name is taken
  start.pivot('reserve', payment.charge, money),
  start.parallel(
    // @ts-expect-error two chains name a step alike
    (chain) => chain.step('a', payment.authorise, money),
    (chain) => chain.step('a', payment.authorise, money),
  ),
  // @ts-expect-error there is no such step
  start.step('a', payment.authorise, money, { dependsOn: ['book'] }),
  // @ts-expect-error there is no such setting
  start.step('a', payment.authorise, money, { dependOn: ['reserve'] }),
]);

// There is one pivot, no chain has it, and each place takes activities of certain kinds.
const pivoted = start.pivot('charge', payment.charge, money);
const inventoryTcc = defineContract('store', { hold: { payload: Type.Object({}) } });
neverRun.push(() => [
  start.step('a', shipping.look, {}),
  pivoted.step('a', payment.settle, ({ charge }) => ({ holdId: charge.holdId }), { callTimeoutMs: 1 }),
  pivoted.step('a', shipping.look, {}),
  pivoted.step('a', shipping.mail, {}),
  pivoted.parallel((chain) => chain.step('a', shipping.mail, {})),
  // @ts-expect-error it has a pivot
  pivoted.pivot('a', payment.charge, money),
  // @ts-expect-error a pivot waits for all
  start.pivot('a', payment.charge, money, { dependsOn: ['reserve'] }),
  // @ts-expect-error a chain has no pivot
  start.parallel((chain) => chain.pivot('a', payment.charge, money)),
  // @ts-expect-error only a pivot remembers its refusal
  start.pivot('a', payment.authorise, money),
  // @ts-expect-error a pivot cannot be compensated
  start.step('a', payment.charge, money),
  // @ts-expect-error nor does it stand after the pivot
  pivoted.step('a', payment.charge, money),
  // @ts-expect-error what is final stands after the pivot only
  start.step('a', shipping.mail, {}),
  // @ts-expect-error a chain before the pivot is no better place
  start.parallel((chain) => chain.step('a', shipping.mail, {})),
  // @ts-expect-error a tcc has no steps
  start.step('a', inventoryTcc.hold, {}),
  // @ts-expect-error nor a pivot
  start.pivot('a', inventoryTcc.hold, {}),
  // @ts-expect-error the kind says whether a step is compensated
  start.step('a', payment.authorise, money, { isCompensated: false }),
]);

// An activity whose kind is known at run time only is checked there.
declare const found: ActivityHandle;
neverRun.push(() => [start.step('a', found, {}), start.pivot('a', found, {})]);

// A tcc takes activities of its own kind only.
declare const tercet: Tercet<[typeof inventory, typeof inventoryTcc]>;
neverRun.push(() => [
  branch(inventoryTcc, 'hold', {}),
  // @ts-expect-error a step is no branch of a tcc
  branch(inventory, 'reserve', mugs),
  tercet.run({ name: 'order' }, (tx) => [
    // @ts-expect-error nor can its try be called
    tx.inventory.reserve(mugs),
  ]),
]);

// Where there can be no pivot, the compiler says why: the words stand in the place of a name.
const inChain: Parameters<Saga<Record<never, never>, 'branch'>['pivot']>[0] =
  'no pivot inside of parallel: add it after the chains, which it has to wait for';
const second: Parameters<typeof pivoted.pivot>[0] = 'no second pivot: this saga has one already';
neverRun.push(() => [inChain, second]);

// What is made at run time compiles as well: the names of such steps are not known to the compiler.
const items = [mugs];
neverRun.push(() => [
  items
    .reduce((all, item, n) => all.step(`reserve-${n}`, inventory.reserve, item), saga('order'))
    .pivot('charge', payment.capture, { holdId: '1' }),
  items
    .reduce(
      (all, item, n) => all.step(`more-${n}`, inventory.reserve, item, { dependsOn: ['reserve'] }),
      start,
    )
    .step('next', payment.settle, ({ reserve }) => ({ holdId: reserve.reservationId })),
]);

// A reference can be handed on to a function.
const labelOf = (bookingId: Reference<string>) => ({ booking: { id: bookingId }, labels: { to: 'ada' } });
neverRun.push(() =>
  start
    .step('book', shipping.book, { to: 'ada', grams: [] })
    .step('send', shipping.send, ({ book }) => labelOf(book.bookingId)),
);
