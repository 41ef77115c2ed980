/**
 * Suites that need Helm, or another tool. Where it cannot be had they are skipped with the reason in their title; under CI
 * that is a failure. `await` them at the top of a test file, since Go may have to build Helm first.
 */
import { describe } from '@jest/globals';
import { obtainHelm } from '../../scripts/tools/helm.ts';
import { obtainKubernetesValidate } from '../../scripts/tools/kubernetes-validate.ts';
import type { Tool } from '../../scripts/tools/tool.ts';
import { Chart } from './chart.ts';

export async function describeWithHelm(title: string, suite: (chart: Chart) => void): Promise<void> {
  describeWith(await obtainHelm(), `${title} (helm)`, (command) => suite(new Chart(command)));
}

export async function describeWithKubernetesValidate(
  title: string,
  suite: (chart: Chart, validate: readonly string[]) => void,
): Promise<void> {
  const [helm, validate] = [await obtainHelm(), await obtainKubernetesValidate()];
  if ('reason' in validate) describeWith(validate, title, () => suite(new Chart(['helm']), []));
  else describeWith(helm, title, (command) => suite(new Chart(command), validate.command));
}

function describeWith(tool: Tool, title: string, suite: (command: readonly string[]) => void): void {
  if ('command' in tool) describe(title, () => suite(tool.command));
  else if (process.env.CI) throw new Error(`no tool for “${title}”, and CI is set: ${tool.reason}`);
  // Its tests are defined, so that they are counted, but not run.
  else describe.skip(`${title} skipped: ${tool.reason}`, () => suite(['helm']));
}
