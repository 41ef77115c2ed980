/** A container of the chart on this machine: its variables, with the files that Secrets and ConfigMaps put into it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Container, PodSpec } from './chart.ts';

/**
 * Writes the files of a container below a folder.
 *
 * @param files what each file holds, by its name
 * @returns its variables, of which those that name a file name the written one
 */
export function variablesOf(
  container: Container,
  pod: PodSpec,
  { folder, files }: { readonly folder: string; readonly files: Readonly<Record<string, string>> },
): Readonly<Record<string, string>> {
  for (const path of pathsIn(container, pod)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), files[basename(path)] ?? '');
  }
  const variables = (container.env ?? []).map(({ name, value = '' }) => [
    name,
    name.endsWith('_FILE') ? join(folder, value) : value,
  ]);
  return Object.fromEntries(variables);
}

function pathsIn({ volumeMounts }: Container, { volumes }: PodSpec): readonly string[] {
  return volumeMounts.flatMap(({ name, mountPath }) => {
    const { secret, configMap, projected } = volumes.find((volume) => volume.name === name) ?? {};
    const sources = projected?.sources.map((source) => source.secret ?? source.configMap) ?? [];
    const items = [secret, configMap, ...sources].flatMap((source) => source?.items ?? []);
    return items.map(({ path }) => `${mountPath}/${path}`);
  });
}
