/** Where the coordinator's CPU time went, from the profile that V8 wrote: self time by package, and by function. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repository } from './child.ts';

type CallFrame = { readonly functionName: string; readonly url: string; readonly lineNumber: number };

type CpuProfile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
};

const SHOWN_COUNT = 25;

/** @param folder where a coordinator has left its profile by ending */
export function printProfile(folder: string): void {
  const file = newestIn(folder);
  if (file === null) throw new Error(`the coordinator left no profile in ${folder}`);
  const times = selfTimes(JSON.parse(readFileSync(file, 'utf8')));
  const lines = [
    `\n${file}: self time, idle left out`,
    '\nby package, or file of ours; Node and V8 count for whoever called them',
    ...topOf(times, ({ payer }) => payer),
    '\nby function',
    ...topOf(times, ({ place }) => place),
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
}

function newestIn(folder: string): string | null {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => join(folder, name));
  return files.sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0] ?? null;
}

type SelfTime = { readonly place: string; readonly payer: string; readonly us: number };

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): SelfTime[] {
  const usById = new Map<number, number>();
  samples.forEach((id, index) => {
    usById.set(id, (usById.get(id) ?? 0) + (timeDeltas[index + 1] ?? 0));
  });
  const payers = new Map<number, string>();
  // A node stands before its children.
  return nodes.map(({ id, callFrame, children = [] }) => {
    const payer = ownerOf(callFrame) ?? payers.get(id) ?? 'node';
    for (const child of children) payers.set(child, payer);
    return { place: placeOf(callFrame), payer, us: usById.get(id) ?? 0 };
  });
}

function topOf(times: readonly SelfTime[], keyOf: (time: SelfTime) => string): string[] {
  const busy = times.filter(({ place }) => place !== '(idle)');
  const usByKey = new Map<string, number>();
  for (const time of busy) usByKey.set(keyOf(time), (usByKey.get(keyOf(time)) ?? 0) + time.us);
  const totalUs = busy.reduce((sum, { us }) => sum + us, 0);
  return [...usByKey]
    .sort(([, one], [, other]) => other - one)
    .slice(0, SHOWN_COUNT)
    .map(([key, us]) => `${((100 * us) / totalUs).toFixed(1).padStart(5)} %  ${key}`);
}

/** A package or a file of ours; null for Node and V8, which do what others ask of them. */
function ownerOf({ url, functionName }: CallFrame): string | null {
  if (functionName === '(garbage collector)') return functionName;
  if (!url.startsWith('file:')) return null;
  const path = pathOf(url);
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path;
}

const placeOf = ({ url, functionName, lineNumber }: CallFrame): string =>
  `${functionName || '(anonymous)'}${url === '' ? '' : `  ${pathOf(url)}:${lineNumber + 1}`}`;

const pathOf = (url: string): string =>
  url.startsWith('file:') ? relative(repository, fileURLToPath(url)) : url;
