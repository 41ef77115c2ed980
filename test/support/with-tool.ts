/**
 * A suite that needs a tool. Where it cannot be had, the suite is skipped with the reason in its title; under CI that is a
 * failure.
 */
import { describe } from '@jest/globals';
import type { Tool } from '../../scripts/tools/tool.ts';

export function describeWithTool(
  tool: Tool,
  title: string,
  suite: (command: readonly string[]) => void,
): void {
  if ('command' in tool) describe(title, () => suite(tool.command));
  else if (process.env.CI) throw new Error(`no tool for “${title}”, and CI is set: ${tool.reason}`);
  // Its tests are defined, so that they are counted, but not run.
  else describe.skip(`${title} skipped: ${tool.reason}`, () => suite(['no-tool']));
}
