/**
 * Which Debian mirror this machine uses: read from apt's own source files, in both of their formats, so that a fetch
 * goes where the machine is allowed to go and no mirror is named in this repository.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One source. `fields` are the options that decide trust and architecture, named as in deb822. */
export type AptSource = {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly fields: { readonly [name: string]: string };
};

/** The mirror that serves `codename`, the release this machine runs; null when apt's configuration has none. */
export function debianMirror(aptFolder: string, codename: string): AptSource | null {
  const serving = readAptSources(aptFolder).filter(
    (source) => source.suites.includes(codename) && source.components.includes('main'),
  );
  // Other vendors also name their suites after Debian's releases, but call their archive something else.
  return serving.find((source) => /debian/.test(source.uri)) ?? serving[0] ?? null;
}

export function readAptSources(aptFolder: string): AptSource[] {
  const parts = join(aptFolder, 'sources.list.d');
  const names = filesIn(parts).sort();
  return [
    ...parseList(textOf(join(aptFolder, 'sources.list'))),
    // apt itself ignores other endings, such as `.list.disabled`.
    ...names.filter((name) => name.endsWith('.list')).flatMap((name) => parseList(textOf(join(parts, name)))),
    ...names
      .filter((name) => name.endsWith('.sources'))
      .flatMap((name) => parseDeb822(textOf(join(parts, name)))),
  ];
}

/** `deb [signed-by=… arch=…] uri suite component …`, one source a line. */
export function parseList(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const found = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (found === null) return [];
    const [, options = '', uri = '', suite = '', components = ''] = found;
    return [{ uri, suites: [suite], components: words(components), fields: fieldsOf(options) }];
  });
}

/** Stanzas of `Name: value`; a value goes on over indented lines. */
export function parseDeb822(text: string): AptSource[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .join('\n')
    .split(/\n\s*\n/)
    .flatMap((stanza) => sourcesOf(stanzaFields(stanza)));
}

function sourcesOf(stanza: Map<string, string>): AptSource[] {
  if (!words(stanza.get('types')).includes('deb') || stanza.get('enabled')?.trim() === 'no') return [];
  const fields = Object.fromEntries(
    keptFields.flatMap((name) => {
      const value = stanza.get(name.toLowerCase());
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const suites = words(stanza.get('suites'));
  const components = words(stanza.get('components'));
  return words(stanza.get('uris')).map((uri) => ({ uri, suites, components, fields }));
}

function stanzaFields(stanza: string): Map<string, string> {
  const fields = stanza.matchAll(/^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)/gm);
  return new Map([...fields].map(([, name = '', value = '']) => [name.toLowerCase(), value.trimEnd()]));
}

/** In a list the same options are written in lower case, and their values are separated by commas. */
function fieldsOf(options: string): { [name: string]: string } {
  const pairs = words(options).map((option) => option.split('=', 2));
  return Object.fromEntries(
    pairs.flatMap(([key = '', value = '']) => {
      const name = keptFields.find((kept) => kept.toLowerCase() === key.toLowerCase());
      return name === undefined ? [] : [[name, value.replaceAll(',', ' ')]];
    }),
  );
}

const keptFields = ['Signed-By', 'Trusted', 'Check-Valid-Until', 'Allow-Insecure'];

const words = (text = ''): string[] => text.split(/\s+/).filter((word) => word !== '');

const filesIn = (folder: string): string[] => orElse(() => readdirSync(folder), []);

const textOf = (path: string): string => orElse(() => readFileSync(path, 'utf8'), '');

// Either format may be absent, and so may apt.
function orElse<T>(read: () => T, fallback: T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}
