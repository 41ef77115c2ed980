import type { Kind } from './kinds.ts';

/**
 * How many times the payload's quantity a check takes from the stock at most, held and kept together. A test measures it.
 *
 * - tcc: how many branches stay confirmed is up to chance. Of a concurrent confirm and cancel, either may win.
 * - pivot: of two concurrent actions, one in time and one after its deadline, either may win, too.
 */
export const QUANTITY_NEEDED: { readonly [Each in Kind]: number } = {
  tcc: 10,
  step: 3,
  step_uncompensated: 14,
  pivot: 15,
  final: 13,
};
