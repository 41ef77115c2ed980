/**
 * Reads a Dockerfile: the part of its language that ours uses. Whatever else stands there is an error: a test that passes over an
 * instruction proves nothing about the image.
 */

/** What one stage does, in the order of the file. Variables are replaced where Docker replaces them. */
export type Step =
  /** `from` null is the context of the build. */
  | {
      readonly kind: 'copy';
      readonly from: string | null;
      readonly sources: readonly string[];
      readonly target: string;
    }
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'workdir'; readonly path: string };

export type Stage = {
  readonly name: string;
  /** The name of an earlier stage or of an image. */
  readonly base: string;
  readonly steps: readonly Step[];
  readonly config: StageConfig;
};

/** What a container is started with; null and empty are inherited from the stage before. */
export type StageConfig = {
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly workdir: string | null;
  readonly ports: readonly number[];
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly healthcheck: Healthcheck | null;
};

export type Healthcheck = {
  readonly command: readonly string[];
  readonly flags: Readonly<Record<string, string>>;
};

type Variables = Readonly<Record<string, string>>;

/** @throws Error with the line that is not understood */
export function readDockerfile(text: string, given: Variables = {}): readonly Stage[] {
  const stages: OpenStage[] = [];
  const globals: Record<string, string> = {};
  for (const { keyword, rest } of instructionsOf(text)) {
    const stage = stages.at(-1);
    if (keyword === 'FROM') stages.push(opened(replaced(rest, globals), stages.length));
    else if (stage !== undefined) follow(stage, keyword, rest, given);
    else if (keyword === 'ARG') Object.assign(globals, argOf(rest, given));
    else throw new Error(`${keyword} stands before the first FROM`);
  }
  return stages;
}

/** The stage that is built when none is named, or the one of this name. */
export function stageOf(stages: readonly Stage[], target: string | null): Stage {
  const found = target === null ? stages.at(-1) : stages.find(({ name }) => name === target);
  if (found === undefined) throw new Error(`there is no stage ${target}`);
  return found;
}

/** With what the stages before have set. */
export function fullConfig(stages: readonly Stage[], stage: Stage): StageConfig {
  const base = stages.find(({ name }) => name === stage.base);
  if (base === undefined) return stage.config;
  const [before, own] = [fullConfig(stages, base), stage.config];
  return {
    environment: { ...before.environment, ...own.environment },
    labels: { ...before.labels, ...own.labels },
    user: own.user ?? before.user,
    workdir: own.workdir ?? before.workdir,
    ports: [...before.ports, ...own.ports],
    entrypoint: own.entrypoint ?? before.entrypoint,
    command: own.command ?? before.command,
    healthcheck: own.healthcheck ?? before.healthcheck,
  };
}

// ── Lines ────────────────────────────────────────────────────────────────────────────────────────────────────────

type Instruction = { readonly keyword: string; readonly rest: string };

/** A line that ends in a backslash goes on in the next; comments stand on lines of their own. */
function instructionsOf(text: string): readonly Instruction[] {
  if (/^#\s*(?:syntax|escape|check)\s*=/im.test(text)) throw new Error('parser directives are not known');
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  const joined = lines.join('\n').replaceAll(/\\\s*\n/g, ' ');
  return joined.split('\n').flatMap((line) => {
    if (line.trim() === '') return [];
    const [, keyword, rest = ''] = /^([A-Z]+)\s+(.*?)\s*$/.exec(line) ?? [];
    if (keyword === undefined) throw new Error(`not an instruction: ${line}`);
    if (rest.includes('<<')) throw new Error(`heredocs are not known: ${line}`);
    return [{ keyword, rest }];
  });
}

// ── Instructions ─────────────────────────────────────────────────────────────────────────────────────────────────

type OpenStage = {
  readonly name: string;
  readonly base: string;
  readonly steps: Step[];
  readonly arguments: Record<string, string>;
  config: StageConfig;
};

function opened(rest: string, index: number): OpenStage {
  const [, base, name = String(index)] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest) ?? [];
  if (base === undefined || base.startsWith('--')) throw new Error(`not known: FROM ${rest}`);
  const config = {
    environment: {},
    labels: {},
    user: null,
    workdir: null,
    ports: [],
    entrypoint: null,
    command: null,
    healthcheck: null,
  };
  return { name, base, steps: [], arguments: {}, config };
}

/** Docker replaces no variables in these. */
const VERBATIM = ['ARG', 'RUN', 'ENTRYPOINT', 'CMD', 'HEALTHCHECK'];

function follow(stage: OpenStage, keyword: string, rest: string, given: Variables): void {
  const { steps, config } = stage;
  const isVerbatim = VERBATIM.includes(keyword);
  const text = isVerbatim ? rest : replaced(rest, { ...stage.arguments, ...config.environment });
  const set = (change: Partial<StageConfig>) => {
    stage.config = { ...config, ...change };
  };
  switch (keyword) {
    case 'ARG':
      Object.assign(stage.arguments, argOf(rest, given));
      break;
    case 'ENV':
      set({ environment: { ...config.environment, ...pairsOf(text) } });
      break;
    case 'LABEL':
      set({ labels: { ...config.labels, ...pairsOf(text) } });
      break;
    case 'WORKDIR':
      steps.push({ kind: 'workdir', path: text });
      set({ workdir: text });
      break;
    case 'USER':
      set({ user: text });
      break;
    case 'EXPOSE':
      set({ ports: [...config.ports, ...text.split(/\s+/).map(Number)] });
      break;
    case 'COPY':
      steps.push(copyOf(text));
      break;
    case 'RUN':
      if (rest.startsWith('--')) throw new Error(`flags of RUN are not known: ${rest}`);
      // The shell replaces the variables.
      steps.push({ kind: 'run', command: rest });
      break;
    case 'ENTRYPOINT':
      set({ entrypoint: execForm(keyword, rest) });
      break;
    case 'CMD':
      set({ command: execForm(keyword, rest) });
      break;
    case 'HEALTHCHECK':
      set({ healthcheck: healthcheckOf(rest) });
      break;
    default:
      throw new Error(`the instruction ${keyword} is not known`);
  }
}

function copyOf(text: string): Step {
  const words = text.split(/\s+/);
  const flags = words.filter((word) => word.startsWith('--'));
  const from = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length) ?? null;
  if (flags.some((flag) => !flag.startsWith('--from='))) throw new Error(`not known: COPY ${text}`);
  const paths = words.filter((word) => !word.startsWith('--'));
  const target = paths.at(-1) ?? '';
  if (paths.length < 2 || /[*?[\]"]/.test(text)) throw new Error(`not known: COPY ${text}`);
  if (paths.length > 2 && !target.endsWith('/'))
    throw new Error(`several sources need a folder: COPY ${text}`);
  return { kind: 'copy', from, sources: paths.slice(0, -1), target };
}

function healthcheckOf(rest: string): Healthcheck {
  const [, flags = '', command = ''] = /^((?:--\S+\s+)*)CMD\s+(.*)$/.exec(rest) ?? [];
  const pairs = flags
    .trim()
    .split(/\s+/)
    .map((flag) => flag.replace(/^--/, '').split('='));
  return { command: execForm('HEALTHCHECK CMD', command), flags: Object.fromEntries(pairs) };
}

/** In the shell form a shell would be the first process, and would not pass signals on. */
function execForm(keyword: string, rest: string): readonly string[] {
  const words: unknown = rest.startsWith('[') ? JSON.parse(rest) : null;
  if (!Array.isArray(words) || words.some((word) => typeof word !== 'string'))
    throw new Error(`${keyword} is not in the exec form: ${rest}`);
  return words;
}

function argOf(rest: string, given: Variables): Record<string, string> {
  const [, name = '', , standard] = /^(\w+)(=(.*))?$/.exec(rest) ?? [];
  if (name === '') throw new Error(`not known: ARG ${rest}`);
  const value = given[name] ?? standard;
  return value === undefined ? {} : { [name]: value };
}

function pairsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))(?:\s+|$)/gy)];
  if (pairs.map(([pair]) => pair).join('') !== text) throw new Error(`not NAME=VALUE: ${text}`);
  return Object.fromEntries(pairs.map(([, name, quoted, bare]) => [name ?? '', quoted ?? bare ?? '']));
}

function replaced(text: string, variables: Variables): string {
  return text.replaceAll(/\$\{(\w+)\}|\$(\S*)/g, (found, name: string | undefined) => {
    const value = name === undefined ? undefined : variables[name];
    if (value === undefined) throw new Error(`no value for ${found} in: ${text}`);
    return value;
  });
}
