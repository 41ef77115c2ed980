/**
 * OpenMetrics 1.0, read by hand and strictly: whatever is not as the specification has it throws. Of its types only those
 * that are used here.
 */
export type Sample = {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
  readonly exemplar: { readonly labels: ReadonlyMap<string, string>; readonly value: number } | null;
};

export type Family = { readonly name: string; readonly type: string; readonly samples: Sample[] };

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

export function readOpenMetrics(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family>();
  if (!text.endsWith('\n# EOF\n')) throw new Error('no # EOF at the end');
  let family: Family | undefined;
  let described = '';
  for (const line of text.slice(0, -'# EOF\n'.length).trimEnd().split('\n')) {
    const [, help] = /^# HELP (\w+) (?:[^"\\]|\\[\\n"])+$/.exec(line) ?? [];
    const [, name, type] = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (help !== undefined) described = help;
    else if (name !== undefined && type !== undefined) {
      if (name !== described) throw new Error(`TYPE without HELP: ${line}`);
      if (families.has(name)) throw new Error(`a second family: ${line}`);
      if (type === 'counter' && name.endsWith('_total')) throw new Error(`family with _total: ${line}`);
      family = { name, type, samples: [] };
      families.set(name, family);
    } else family?.samples.push(sampleOf(line, family));
  }
  for (const one of families.values()) if (one.type === 'histogram') checkBuckets(one);
  checkNames(families);
  return families;
}

/** The specification takes any case of NaN. */
const NUMBER = String.raw`(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[Nn]a[Nn]|[+-]Inf)`;
const LABELS = String.raw`\{((?:\w+="(?:[^"\\]|\\[\\n"])*",?)+)\}`;
const SAMPLE = new RegExp(
  `^(\\w+)(?:${LABELS})? (${NUMBER})(?: # ${LABELS} (${NUMBER}) (\\d+(?:\\.\\d+)?))?$`,
);

function sampleOf(line: string, { name, type }: Family): Sample {
  const [, sample = '', labels, value, exemplarLabels, exemplarValue] = SAMPLE.exec(line) ?? [];
  const suffix = SUFFIXES[type]?.find((one) => sample === `${name}${one}`);
  if (suffix === undefined) throw new Error(`not a sample of the ${type} ${name}: ${line}`);
  if (exemplarLabels === undefined)
    return { name: sample, labels: labelsOf(labels), value: numberOf(value), exemplar: null };
  if (suffix !== '_bucket' && suffix !== '_total') throw new Error(`no place for an exemplar: ${line}`);
  const exemplar = { labels: labelsOf(exemplarLabels), value: numberOf(exemplarValue) };
  const length = [...exemplar.labels].reduce((sum, [key, text]) => sum + key.length + text.length, 0);
  if (length > 128) throw new Error(`an exemplar of ${length} characters: ${line}`);
  return { name: sample, labels: labelsOf(labels), value: numberOf(value), exemplar };
}

function labelsOf(text = ''): ReadonlyMap<string, string> {
  const pairs = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  const labels = new Map(pairs.map(([, key = '', value = '']) => [key, value]));
  if (labels.size !== pairs.length) throw new Error(`a label twice: ${text}`);
  return labels;
}

const numberOf = (text = ''): number => Number(text.replace('Inf', 'Infinity'));

/** Each series has its buckets together, in ascending order, cumulative, up to its count; exemplars lie within theirs. */
function checkBuckets({ name, samples }: Family): void {
  let lower = Number.NEGATIVE_INFINITY;
  let below = 0;
  for (const { name: sample, labels, value, exemplar } of samples) {
    if (sample === `${name}_count` && value !== below) throw new Error(`${sample} is not its last bucket`);
    if (sample !== `${name}_bucket`) continue;
    const bound = numberOf(labels.get('le'));
    if (lower === Number.POSITIVE_INFINITY) [lower, below] = [Number.NEGATIVE_INFINITY, 0];
    if (!(bound > lower) || value < below) throw new Error(`bucket ${bound} of ${name} is out of order`);
    if (exemplar !== null && !(exemplar.value > lower && exemplar.value <= bound))
      throw new Error(`the exemplar ${exemplar.value} is not in bucket ${bound} of ${name}`);
    [lower, below] = [bound, value];
  }
  if (samples.length > 0 && lower !== Number.POSITIVE_INFINITY) throw new Error(`${name} lacks +Inf`);
}

/** No name of a family, with one of its suffixes, is that of another. */
function checkNames(families: ReadonlyMap<string, Family>): void {
  for (const { name, type } of families.values())
    for (const suffix of SUFFIXES[type] ?? [])
      if (suffix !== '' && families.has(`${name}${suffix}`))
        throw new Error(`${name}${suffix} is used twice`);
}
