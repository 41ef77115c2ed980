// The circuit breaker as a table: what each event makes of each state.
import { describe, expect, test } from '@jest/globals';
import {
  afterFailedProbe,
  afterFailure,
  afterSilentProbe,
  type BrokenCircuit,
  type Circuit,
  CLOSED,
  openLeftMs,
  probed,
} from '../../src/application/circuit.ts';

const SETTINGS = { failureCount: 3, firstOpenMs: 1000, maxOpenMs: 4000 };
const NOW_MS = 50_000;

const failed = (failureCount: number): Circuit => ({ state: 'closed', failureCount });
const open = (openCount: number, openUntilMs: number): BrokenCircuit => ({
  state: 'open',
  openCount,
  openUntilMs,
});
const halfOpen = (openCount: number): BrokenCircuit => probed(open(openCount, NOW_MS));

const failure = (circuit: Circuit) => afterFailure(circuit, SETTINGS, NOW_MS);
const failedProbe = (circuit: Circuit) => afterFailedProbe(circuit, SETTINGS, NOW_MS);

describe('a circuit', () => {
  test.each<[string, Circuit, (circuit: Circuit) => Circuit, Circuit]>([
    ['counts a failure while it is closed', CLOSED, failure, failed(1)],
    ['stays closed until the last failure of its limit', failed(1), failure, failed(2)],
    ['opens at that failure, for the first open time', failed(2), failure, open(1, NOW_MS + 1000)],
    ['stays open as long when an older call fails', open(1, NOW_MS + 7), failure, open(1, NOW_MS + 7)],
    ['stays half-open when an older call fails', halfOpen(1), failure, halfOpen(1)],
    ['opens for twice as long when its probe fails', halfOpen(1), failedProbe, open(2, NOW_MS + 2000)],
    ['doubles that with each probe that fails', halfOpen(2), failedProbe, open(3, NOW_MS + 4000)],
    ['is never open longer than the limit', halfOpen(3), failedProbe, open(4, NOW_MS + 4000)],
    ['counts a failed probe that was overtaken as any call: closed', failed(1), failedProbe, failed(2)],
    ['counts a failed probe that was overtaken as any call: open', open(1, 9), failedProbe, open(1, 9)],
    ['may be probed again when its probe says nothing', halfOpen(2), afterSilentProbe, open(2, NOW_MS)],
    ['takes nothing from a silent probe that was overtaken: closed', failed(2), afterSilentProbe, failed(2)],
    ['takes nothing from a silent probe that was overtaken: open', open(1, 9), afterSilentProbe, open(1, 9)],
  ])('%s', (_what, before, event, after) => {
    expect(event(before)).toEqual(after);
  });

  test.each<[string, Circuit, number]>([
    ['is not open while it is closed', failed(2), 0],
    ['is open until its open time is over', open(1, NOW_MS + 1), 1],
    ['may be probed at that instant', open(1, NOW_MS), 0],
    ['may be probed later', open(1, NOW_MS - 10), 0],
  ])('%s', (_what, circuit, leftMs) => {
    expect(openLeftMs(circuit, NOW_MS)).toBe(leftMs);
  });
});
