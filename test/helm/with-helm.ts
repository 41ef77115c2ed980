/**
 * Suites that need Helm, or another tool. Where it cannot be had they are skipped with the reason in their title; under CI
 * that is a failure. `await` them at the top of a test file, since Go may have to build Helm first.
 */
import { obtainHelm } from '../../scripts/tools/helm.ts';
import { obtainKubernetesValidate } from '../../scripts/tools/kubernetes-validate.ts';
import { describeWithTool } from '../support/with-tool.ts';
import { Chart } from './chart.ts';

export async function describeWithHelm(title: string, suite: (chart: Chart) => void): Promise<void> {
  describeWithTool(await obtainHelm(), `${title} (helm)`, (command) => suite(new Chart(command)));
}

export async function describeWithKubernetesValidate(
  title: string,
  suite: (chart: Chart, validate: readonly string[]) => void,
): Promise<void> {
  const [helm, validate] = [await obtainHelm(), await obtainKubernetesValidate()];
  if ('reason' in validate) describeWithTool(validate, title, () => suite(new Chart(['helm']), []));
  else describeWithTool(helm, title, (command) => suite(new Chart(command), validate.command));
}
