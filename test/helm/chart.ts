/** The chart as Helm renders it: objects to assert on. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { chartFolder } from '../../scripts/chart/files.ts';

/** The oldest that the chart supports, and the newest that there is a schema of. */
export const KUBERNETES_VERSIONS = ['1.30', '1.37'];

export type Values = Readonly<Record<string, unknown>>;

export type Container = {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly { name: string; value?: string; valueFrom?: unknown }[];
  readonly resources: { readonly limits: object; readonly requests: object };
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { name: string; mountPath: string; readOnly?: boolean }[];
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly [probe: `${string}Probe`]: {
    readonly httpGet: { path: string };
    readonly [timing: string]: unknown;
  };
};

export type PodSpec = {
  readonly serviceAccountName: string;
  readonly containers: readonly [Container, ...Container[]];
  readonly volumes: readonly Volume[];
  readonly terminationGracePeriodSeconds?: number;
  readonly topologySpreadConstraints?: readonly {
    readonly labelSelector: { readonly matchLabels: object };
  }[];
  readonly [field: string]: unknown;
};

type Source = { readonly name: string; readonly items?: readonly { key: string; path: string }[] };
export type Volume = {
  readonly name: string;
  readonly secret?: { readonly secretName: string; readonly items?: Source['items'] };
  readonly configMap?: Source;
  readonly projected?: { readonly sources: readonly { secret?: Source; configMap?: Source }[] };
  readonly [type: string]: unknown;
};

export type K8sObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: what it holds depends on the kind, and assertions say what it must be.
  readonly spec?: any;
  readonly data?: Readonly<Record<string, string>>;
  readonly automountServiceAccountToken?: boolean;
};

export class Objects {
  readonly all: readonly K8sObject[];

  constructor(manifest: string) {
    this.all = parseAllDocuments(manifest)
      .map((document) => document.toJS() as K8sObject | null)
      .filter((object) => object !== null);
  }

  /** `Kind/name` of each, sorted. */
  get names(): readonly string[] {
    return this.all.map(nameOf).sort();
  }

  of(kind: string): readonly K8sObject[] {
    return this.all.filter((object) => object.kind === kind);
  }

  /** @throws Error where there is none */
  one(name: string): K8sObject {
    const found = this.all.find((object) => nameOf(object) === name);
    if (found === undefined) throw new Error(`there is no ${name}: ${this.names.join(', ')}`);
    return found;
  }

  /** Each pod, by the object that makes it. */
  get pods(): readonly (readonly [string, PodSpec])[] {
    return this.all.flatMap((object) => {
      const spec = podSpecOf(object);
      return spec === null ? [] : [[nameOf(object), spec] as const];
    });
  }
}

export const nameOf = ({ kind, metadata }: K8sObject): string => `${kind}/${metadata.name}`;

function podSpecOf({ kind, spec }: K8sObject): PodSpec | null {
  if (kind === 'Pod') return spec;
  return kind === 'Deployment' || kind === 'Job' ? spec.template.spec : null;
}

export class Chart {
  readonly #command: readonly string[];
  readonly folder: string;

  /** @param folder of another version of the chart */
  constructor(command: readonly string[], folder = chartFolder) {
    this.#command = command;
    this.folder = folder;
  }

  at(folder: string): Chart {
    return new Chart(this.#command, folder);
  }

  /** @param given.valuesOf the chart whose file of values is taken, where it is another one */
  render(
    ci: string,
    values: Values = {},
    { release = 'tercet', valuesOf = this }: { release?: string; valuesOf?: Chart } = {},
  ): Objects {
    const file = join(valuesOf.folder, `ci/${ci}-values.yaml`);
    const { status, stdout, stderr } = this.#helm('template', [release, this.folder], file, values);
    if (status !== 0) throw new Error(stderr);
    return new Objects(stdout);
  }

  /** What NOTES.txt says. Helm prints it only where there is a cluster, so a ConfigMap stands in for the terminal. */
  notes(ci: string, values: Values = {}): string {
    const folder = mkdtempSync(join(tmpdir(), 'tercet-chart-'));
    try {
      cpSync(this.folder, folder, { recursive: true });
      const notes = readFileSync(join(folder, 'templates/NOTES.txt'), 'utf8');
      const shown =
        '{ kind: ConfigMap, metadata: { name: notes }, data: { text: {{ include "notes" . | toJson }} } }';
      writeFileSync(join(folder, 'templates/notes.yaml'), `{{ define "notes" }}${notes}{{ end }}${shown}`);
      return this.at(folder).render(ci, values).one('ConfigMap/notes').data?.text ?? '';
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Why Helm refuses the values: its faults, or the text of its error; an empty list when it does not. */
  refusals(ci: string | null, values: Values = {}): readonly string[] {
    const file = ci === null ? null : join(this.folder, `ci/${ci}-values.yaml`);
    const { status, stderr } = this.#helm('template', ['tercet', this.folder], file, values);
    if (status === 0) return [];
    const faults = [...stderr.matchAll(/^- (.*)$/gm)].map(([, fault = '']) => fault);
    return faults.length > 0 ? faults : [stderr];
  }

  /** @returns what it complains of; empty when all is well */
  lint(ci: string): string {
    const file = join(this.folder, `ci/${ci}-values.yaml`);
    const { status, stdout, stderr } = this.#helm('lint', ['--strict', this.folder], file, {});
    return status === 0 ? '' : stdout + stderr;
  }

  package(destination: string): void {
    const { status, stderr } = this.#run(['package', this.folder, '--destination', destination]);
    if (status !== 0) throw new Error(stderr);
  }

  #helm(command: string, args: readonly string[], file: string | null, values: Values) {
    // The later file wins, and replaces lists: as for a user who gives two.
    const given = [...(file === null ? [] : ['--values', file]), '--values', '-'];
    const flags = ['--namespace', 'tercet', '--kube-version', KUBERNETES_VERSIONS.at(-1) ?? ''];
    return this.#run([command, ...args, ...given, ...flags], JSON.stringify(values));
  }

  #run(args: readonly string[], input = '') {
    const [file = '', ...before] = this.#command;
    return spawnSync(file, [...before, ...args], { input, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  }
}
