/** Reads compose.yaml: what our tests know of its language, with anchors merged and variables replaced by their defaults. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

export type Service = {
  readonly image: string;
  readonly build?: string | { readonly context: string; readonly target?: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly privileged?: boolean;
};

export type ComposeFile = {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, object>>;
};

const text = readFileSync(`${repository}compose.yaml`, 'utf8');

/** Merge keys are part of YAML 1.1, which Compose reads. */
export const composeFile = parse(replaced(text), { merge: true }) as ComposeFile;

/** `${NAME:-default}` with its default, as where no one sets it. A comment may name anything. */
function replaced(yaml: string): string {
  const lines = yaml.split('\n').filter((line) => !/^\s*#/.test(line));
  return lines.join('\n').replaceAll(/\$\{\w+:-([^}]*)\}|\$./g, (found, standard: string | undefined) => {
    if (standard === undefined) throw new Error(`not known in compose.yaml: ${found}`);
    return standard;
  });
}

/** By name, with the condition that each has to meet. */
export function dependenciesOf({ depends_on = [] }: Service): ReadonlyMap<string, string> {
  const isList = (given: object): given is readonly string[] => Array.isArray(given);
  if (isList(depends_on)) return new Map(depends_on.map((name) => [name, 'service_started']));
  return new Map(Object.entries(depends_on).map(([name, { condition }]) => [name, condition]));
}

/** Each after those that it depends on. */
export function inOrder({ services }: ComposeFile): readonly string[] {
  const ordered: string[] = [];
  const add = (name: string): void => {
    if (ordered.includes(name)) return;
    for (const before of dependenciesOf(services[name] as Service).keys()) add(before);
    ordered.push(name);
  };
  for (const name of Object.keys(services)) add(name);
  return ordered;
}
