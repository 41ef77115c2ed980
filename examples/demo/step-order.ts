/**
 * Whether the steps of a saga were done and undone in the right order, as the participants tell it, whose clocks are one: a
 * step is done after those that it depends on, and undone before them. All steps of a gift are called, so when one is undone,
 * each is: the refused one too, for which there is nothing to undo.
 */
import type { Effect } from '../shop/effects.ts';
import type { Step } from './tercet.ts';

/** A line for each two steps in the wrong order; empty when all is right. */
export function wrongOrder(steps: readonly Step[], effects: readonly Effect[]): string[] {
  const doneAt = (branchId: string) => firstAt(effects, branchId, 'action');
  const undoneAt = (branchId: string) => firstAt(effects, branchId, 'compensate');
  return steps.flatMap(({ branchId: later, dependsOn }) =>
    dependsOn.flatMap((earlier) => [
      ...(doneAt(later) < doneAt(earlier)
        ? [`${later} was done before ${earlier}, on which it depends`]
        : []),
      ...(undoneAt(earlier) < undoneAt(later)
        ? [`${earlier} was undone before ${later}, which depends on it`]
        : []),
    ]),
  );
}

/** When the op first came to its end; never is after everything. */
function firstAt(effects: readonly Effect[], branchId: string, op: Effect['op']): number {
  const isEnd = ({ outcome }: Effect) => outcome === 'done' || outcome === 'nothing to undo';
  const first = effects.find((effect) => effect.branchId === branchId && effect.op === op && isEnd(effect));
  return first?.at ?? Number.POSITIVE_INFINITY;
}
