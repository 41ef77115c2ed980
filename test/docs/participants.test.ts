/** docs/participants.md and the contract for code generators say what coordinator and barrier do: rebuilt, and compared. */
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { accepted, defineContract, defineParticipant } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { newSecret, signatureHeaders } from '@tercet/sdk/signature';
import { BranchId, CALL_HEADERS, type FinalityView, Gid, Op, ProblemDocument } from '@tercet/sdk/wire';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { QUANTITY_NEEDED } from '../../sdk/src/check/quantity-needed.ts';
import { USAGE } from '../../sdk/src/check/arguments.ts';
import { branchReply } from '../../src/domain/branch-reply.ts';
import { DEFAULT_RETRY_BUDGET_MS, MIN_ATTEMPTS } from '../../src/domain/index.ts';
import { acrossPatterns, sagaBarrierTable, tccBarrierTable } from './barrier-table.ts';
import { kindsTable } from './kinds-table.ts';
import { repliesTable } from './replies-table.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const page = read('docs/participants.md');

const WEBHOOK_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
const HEADERS = [...Object.values(CALL_HEADERS), ...WEBHOOK_HEADERS];

describe('docs/participants.md', () => {
  test('has the table of answers that the coordinator goes by', () => {
    expect(part('replies')).toBe(repliesTable());
  });

  test('says after how long a branch is parked, as the retry policy does', () => {
    const hours = DEFAULT_RETRY_BUDGET_MS / 3_600_000;
    expect(page).toContain(`${hours} h of unanswered attempts, and at least ${MIN_ATTEMPTS} of them`);
  });

  test("has the barrier's rules as judge gives them", () => {
    expect(part('barrier')).toBe(tccBarrierTable());
    expect(part('saga barrier')).toBe(sagaBarrierTable());
  });

  test('has the table of kinds that the coordinator and the barrier go by', () => {
    expect(part('kinds')).toBe(kindsTable());
  });

  test('says of an op of the other pattern what judge says of all of them', () => {
    expect(acrossPatterns()).toEqual(new Set(['409 `another_pattern`']));
    expect(page).toContain('409 `another_pattern`');
  });

  test('names each header of a call, and no other', () => {
    const named = [...part('headers').matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    expect(named).toEqual(HEADERS);
  });

  test('shows a request that a participant takes', async () => {
    const [head = '', body = ''] = block('http').split('\n\n');
    const [start = '', ...lines] = head.split('\n');
    const headers = Object.fromEntries(lines.map((line) => line.split(': ') as [string, string]));
    expect(Object.keys(headers)).toEqual(['content-type', ...Object.values(CALL_HEADERS)]);
    expect(headers['tcc-deadline']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const answer = await anyInventory().handle({
      method: 'POST',
      path: /^POST \/tcc(\S+) HTTP\/1\.1$/.exec(start)?.[1] ?? '',
      headers: { ...headers, 'tcc-deadline': new Date(Date.now() + 60_000).toISOString() },
      body: body.trim(),
    });
    expect(answer?.status).toBe(200);
  });

  test('verifies signatures by hand as the SDK does', async () => {
    const { isSigned } = await verifier();
    const secret = newSecret();
    const call = { gid: '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60', branchId: 'stock', op: 'try' } as const;
    const signed = signatureHeaders(call, '{"item":"tea"}', [newSecret(), secret], new Date());
    expect(isSigned(signed, '{"item":"tea"}', secret)).toBe(true);
    expect(isSigned(signed, '{"item":"tee"}', secret)).toBe(false);
    expect(isSigned(signed, '{"item":"tea"}', newSecret())).toBe(false);
    expect(isSigned({}, '{"item":"tea"}', secret)).toBe(false);
    expect(isSigned({ ...signed, 'webhook-signature': 'v1,ä' }, '{"item":"tea"}', secret)).toBe(false);
    const old = signatureHeaders(call, '{}', [secret], new Date(Date.now() - 301_000));
    expect(isSigned(old, '{}', secret)).toBe(false);
  });

  test('says what each exit code of the check means, as the check itself does', () => {
    const told = [...part('exit codes').matchAll(/^\| (\d) \| (.+) \|$/gm)];
    expect(USAGE).toContain(`Exit code: ${told.map(([, code, words]) => `${code} ${words}`).join(' · ')}\n`);
  });

  test('says how much each kind of check needs, as the check itself does', () => {
    const told = [...part('check kinds').matchAll(/^\| `([a-z_]+)`.* \| (\d+) \|$/gm)];
    expect(Object.fromEntries(told.map(([, kind, count]) => [kind, Number(count)]))).toEqual(QUANTITY_NEEDED);
  });

  test('shows a participant of sagas, which books, pays and tells of it', async () => {
    const payload = Type.Unknown();
    const done: unknown[] = [];
    const doing =
      (what: string) =>
      (...given: unknown[]) => {
        done.push([what, given.at(-1)]);
        return given.at(-1);
      };
    const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
    await barrier.createTable();
    const names = ['defineParticipant', 'travel', 'barrier', 'enter', 'strike', 'bank', 'post'];
    const { handle } = new Function(...names, `${block('js travel.mjs')}; return participant;`)(
      ...[
        defineParticipant,
        defineContract('travel', {
          book: { kind: 'step', payload },
          pay: { kind: 'pivot', payload },
          mail: { kind: 'final', payload },
        }),
      ],
      ...[barrier, doing('enter'), doing('strike'), { pay: doing('pay') }, { send: doing('send') }],
    );
    const gid = '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60';
    for (const [activity, op] of [
      ['book', 'action'],
      ['book', 'compensate'],
      ['pay', 'action'],
      ['mail', 'action'],
    ] as const) {
      const answer = await handle({
        method: 'POST',
        path: `/${activity}/${op}`,
        body: '{"seats":2}',
        headers: {
          'tcc-transaction-id': gid,
          'tcc-branch-id': activity,
          'tcc-op': op,
          'tcc-attempt': '1',
          'tcc-deadline': new Date(Date.now() + 60_000).toISOString(),
          'idempotency-key': `${gid}/${activity}/${op}`,
        },
      });
      expect([activity, op, answer?.status]).toEqual([activity, op, 200]);
    }
    expect(done).toEqual([
      ['enter', { bookingId: `${gid}/book`, seats: 2 }],
      ['strike', { bookingId: `${gid}/book`, seats: 2 }],
      ['pay', `${gid}/pay/action`],
      ['send', `${gid}/mail/action`],
    ]);
  });

  test('shows a participant whose ops are completed from outside', async () => {
    const done: unknown[] = [];
    const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
    await barrier.createTable();
    const requests: { id: string; call: string }[] = [];
    const { participant, approved, rejected } = new Function(
      ...['defineParticipant', 'accepted', 'office', 'barrier', 'enter', 'settle'],
      `${block('js approval.mjs')}; return { participant, approved, rejected };`,
    )(
      ...[
        defineParticipant,
        accepted,
        defineContract('office', { approve: { payload: Type.Unknown() } }),
        barrier,
      ],
      (_sqlTx: unknown, request: { id: string; call: string }) => void requests.push(request),
      (_sqlTx: unknown, ...settled: unknown[]) => void done.push(settled),
    );
    const asked = async (id: string, op: 'try' | 'confirm' | 'cancel') => {
      const headers = {
        'tcc-transaction-id': id,
        'tcc-branch-id': 'approval',
        'tcc-op': op,
        'tcc-attempt': '1',
        'tcc-deadline': new Date(Date.now() + 60_000).toISOString(),
        'idempotency-key': `${id}/approval/${op}`,
      };
      const answer = await participant.handle({
        method: 'POST',
        path: `/approve/${op}`,
        body: '{"cents":5}',
        headers,
      });
      return [op, answer?.status, answer?.headers['retry-after'], JSON.parse(answer?.body)?.detail];
    };
    const gids = [1, 2, 3].map((n) => `0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f6${n}`);
    const [yes = '', no = '', open = ''] = gids;
    for (const gid of gids) expect(await asked(gid, 'try')).toEqual(['try', 202, '3600', undefined]);
    expect(await approved(requests[0], 'ann')).toMatchObject({
      outcome: 'done',
      result: { approvedBy: 'ann' },
    });
    expect(await rejected(requests[1], 'over the limit')).toMatchObject({ outcome: 'done' });
    expect(await asked(yes, 'confirm')).toMatchObject(['confirm', 200]);
    expect(await asked(no, 'try')).toEqual(['try', 409, undefined, 'over the limit']);
    expect(await asked(no, 'cancel')).toMatchObject(['cancel', 200]);
    expect(await asked(open, 'cancel')).toMatchObject(['cancel', 200]);
    await expect(approved(requests[2], 'ann')).rejects.toMatchObject({ code: 'cancelled' });
    expect(done).toEqual([
      [yes, 'approved'],
      [no, 'rejected'],
      [yes, 'used'],
      [open, 'withdrawn'],
    ]);
  });

  test('cleans up by a line that runs, and is refused where the coordinator forgets sooner', async () => {
    const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
    await barrier.createTable();
    const run = new Function(
      'barrier',
      'tercet',
      `return (async () => {${block('js cleanup.mjs')}
      return { removedCount, keptCount, absentCount };
    })()`,
    );
    const day = 86_400_000;
    expect(await run(barrier, coordinatorThatForgetsAfter(30 * day))).toEqual({
      removedCount: 0,
      keptCount: 0,
      absentCount: 0,
    });
    await expect(run(barrier, coordinatorThatForgetsAfter(7 * day))).rejects.toThrow('TERCET_RETENTION_DAYS');
  });
});

describe.each([
  'docs/participants.md',
  'docs/which-pattern.md',
  'docs/take-part.md',
  'sdk/README.md',
])('%s', (file) => {
  test('links only to what is there', () => {
    const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link ?? '');
    const base = new URL(`../../${file}`, import.meta.url);
    expect(links.filter((link) => !existsSync(new URL(link, base)))).toEqual([]);
  });

  test('links only to headings that are there', () => {
    const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)];
    const missing = links.filter(([, path = '', anchor = '']) => {
      const page = path === '' ? file : relative('/', new URL(path, `file:///${file}`).pathname);
      return !headingsOf(page).includes(anchor);
    });
    expect(missing.map(([link]) => link)).toEqual([]);
  });
});

/** As GitHub names them in addresses. */
const headingsOf = (page: string): readonly string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\d -]/gu, '')
      .replaceAll(' ', '-'),
  );

// ── The contract for code generators ─────────────────────────────────────────────────────────────────────────

const NO_GID = '00000000-0000-7000-8000-000000000000';

type Parameter = {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: { readonly type: string; readonly pattern?: string; readonly enum?: readonly string[] };
  readonly example: string | number;
};
type Answer = { readonly 'x-tercet-reply': string; readonly content?: object };
type Operation = { readonly parameters: readonly Parameter[]; readonly responses: Record<string, Answer> };

describe('sdk/participant.openapi.json', () => {
  const document = resolved(JSON.parse(read('sdk/participant.openapi.json')));
  const TRACE_HEADERS = [CALL_HEADERS.traceparent, CALL_HEADERS.tracestate, CALL_HEADERS.baggage];
  const operation = (op: Op): Operation => document.paths[`/{activity}/${op}`].post;

  test('has the ops of both patterns, for any activity', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(Object.keys(document.paths)).toEqual(Op.enum.map((op) => `/{activity}/${op}`));
  });

  test.each(Op.enum)('%s brings exactly the headers of a call', (op) => {
    const { parameters } = operation(op);
    expect(parameters.map(({ name }) => name)).toEqual(HEADERS);
    const optional = parameters.filter(({ required }) => !required).map(({ name }) => name);
    expect(optional).toEqual([
      CALL_HEADERS.kind,
      CALL_HEADERS.completionUrl,
      ...TRACE_HEADERS,
      ...WEBHOOK_HEADERS,
    ]);
    const found = (header: string) => parameters.find(({ name }) => name === header)?.schema;
    expect(found(CALL_HEADERS.gid)?.pattern).toBe(Reflect.get(Gid, 'pattern'));
    expect(found(CALL_HEADERS.branchId)?.pattern).toBe(Reflect.get(BranchId, 'pattern'));
    expect(found(CALL_HEADERS.op)?.enum).toEqual([op]);
    expect(`${NO_GID}/stock/${op}`).toMatch(new RegExp(found(CALL_HEADERS.idempotencyKey)?.pattern ?? '^$'));
  });

  test.each(Op.enum)('%s has examples of the form that it asks for', (op) => {
    const wrong = operation(op).parameters.filter(
      ({ example, schema: { type, pattern = '' } }) =>
        typeof example !== (type === 'integer' ? 'number' : type) ||
        !new RegExp(pattern).test(String(example)),
    );
    expect(wrong).toEqual([]);
  });

  test.each(Op.enum)('an answer to %s is taken for what the coordinator takes it for', (op) => {
    const { default: other, ...named } = operation(op).responses;
    expect(Object.keys(named)).toEqual(
      op === 'try' || op === 'action'
        ? ['200', '202', '409', '422', '425', '503']
        : ['200', '202', '409', '425', '503'],
    );
    for (const [status, answer] of Object.entries(named))
      expect([status, answer['x-tercet-reply']]).toEqual([status, branchReply(op, Number(status))]);
    const unnamed = Array.from({ length: 500 }, (_, index) => index + 100).filter(
      (status) => named[status] === undefined && (status < 200 || status > 299),
    );
    expect(new Set(unnamed.map((status) => branchReply(op, status)))).toEqual(
      new Set([other?.['x-tercet-reply']]),
    );
  });

  test('has the problem document that the SDK answers', () => {
    const { decision: _, traceId: __, ...properties } = ProblemDocument.properties;
    const { Problem } = document.components.schemas;
    expect(Object.keys(Problem.properties)).toEqual(Object.keys(properties));
  });

  test('is shipped with the package, with its version', () => {
    const { version, files, exports } = JSON.parse(read('sdk/package.json'));
    expect(document.info.version).toBe(version);
    expect(files).toContain('participant.openapi.json');
    expect(exports['./participant.openapi.json']).toBe('./participant.openapi.json');
  });
});

// ── Taken from the page ──────────────────────────────────────────────────────────────────────────────────────

/** What stands between the two marks of the page. */
function part(mark: string): string {
  const marks = new RegExp(`<!-- ${mark}: begin -->\n(.*?)\n<!-- ${mark}: end -->`, 's');
  return marks.exec(page)?.[1] ?? '';
}

/** The code under the fence with these words. */
function block(words: string): string {
  const [, code] = new RegExp(`^\`\`\`${words}\n(.*?)^\`\`\`$`, 'ms').exec(page) ?? [];
  if (code === undefined) throw new Error(`docs/participants.md has no block “${words}”`);
  return code;
}

type Verifier = { isSigned(headers: object, body: string, secret: string): boolean };

const verifier = (): Promise<Verifier> =>
  import(`data:text/javascript,${encodeURIComponent(block('js verify.mjs'))}`);

function anyInventory() {
  const db = new SQLite(':memory:');
  const barrier = sqliteBarrier({ db });
  void barrier.createTable();
  const payload = Type.Object({ item: Type.String(), quantity: Type.Integer() });
  return defineParticipant(defineContract('inventory', { reserve: { payload } }), {
    barrier,
    activities: { reserve: { try: () => null, confirm: () => null, cancel: () => null } },
  });
}

const coordinatorThatForgetsAfter = (retentionMs: number) => ({
  finality: async (): Promise<FinalityView> => ({
    now: new Date().toISOString(),
    retentionMs,
    transactions: [],
  }),
});

/** Each `$ref` replaced by what it leads to; one that leads nowhere fails the test. */
function resolved(document: object) {
  const at = (ref: string): object => {
    const found = ref
      .replace('#/', '')
      .split('/')
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
    if (typeof found !== 'object' || found === null) throw new Error(`${ref} leads nowhere`);
    return found;
  };
  const text = JSON.stringify(document, (_, value) => (value?.$ref ? JSON.parse(expand(value.$ref)) : value));
  function expand(ref: string): string {
    return JSON.stringify(at(ref), (_, value) => (value?.$ref ? JSON.parse(expand(value.$ref)) : value));
  }
  return JSON.parse(text);
}
