/** The alert rules, as text: what tests of the rules file need to know of it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const RULES_FILE = fileURLToPath(new URL('../../monitoring/rules/tercet.rules.yaml', import.meta.url));

/** Without comments, which may name anything. */
export const rulesText = readFileSync(RULES_FILE, 'utf8').replaceAll(/^\s*#.*\n/gm, '');

export type AlertRule = { readonly name: string; readonly text: string };

/** Each alert with the lines that define it. */
export const alertRules: readonly AlertRule[] = rulesText
  .split(/^(?= {6}- |\S| {2}- )/m)
  .flatMap((text) => [...text.matchAll(/^ {6}- alert: (\w+)$/gm)].map(([, name = '']) => ({ name, text })));

/** Every metric of Tercet in the rules, with the labels by which it is selected. Histograms by their own name. */
export const selectedSeries: readonly { readonly metric: string; readonly labels: readonly string[] }[] = [
  ...rulesText.matchAll(/\b(tercet_\w+)(?:\{([^}]*)\})?/g),
].map(([, name = '', selector = '']) => ({
  metric: name.replace(/_(?:bucket|count|sum)$/, ''),
  labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
}));
