/**
 * Two replicas over HTTP on one database, a SQLite file, with their completion URLs: participants answer as the test says, and time
 * passes only when the test lets it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whyNeverCalled } from '../../src/adapters/participant/forbidden-addresses.ts';
import { migrate } from '../../src/adapters/sql/data-source.ts';
import { openStore } from '../../src/adapters/sql/open-store.ts';
import type { BatchWriter, HttpAnswer, ParticipantCall } from '../../src/application/ports.ts';
import { buildApp } from '../../src/http/app.ts';
import { ApiTokens } from '../../src/http/plugins/api-tokens.ts';
import type { Op } from '../../src/wire/index.ts';
import { CompletionUrls } from '../../src/wire/completion-urls.ts';
import { httpAnswer, testEngine } from '../support/engine.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const TOKEN = 'correct-horse-battery';
export const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;

/** A status, or an answer that comes when the test lets it. */
type Answers = (call: ParticipantCall) => number | Promise<HttpAnswer> | HttpAnswer;

export type Replica = Awaited<ReturnType<typeof openTwoReplicas>>['replicas'][number];

export async function openTwoReplicas({ apiTokens = [TOKEN] }: { apiTokens?: readonly string[] } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tercet-two-'));
  const sql = await openStore(`sqlite:${join(folder, 'store.sqlite')}`, 60_000);
  await migrate(sql.dataSource);
  const clock = new VirtualClock();
  const store = clock.watching(sql.store);
  for (const name of ['inventory', 'payment'])
    await sql.registry.put({ name, baseUrls: [`http://${name}.test`], paths: {}, callTimeoutMs: null });
  const calls: ParticipantCall[] = [];
  const told: { answers: Answers; heldSave: Promise<void> | null } = { answers: () => 200, heldSave: null };
  let loadCount = 0;
  const urls = new CompletionUrls({
    publicUrl: 'http://tercet.test/base/',
    secrets: [secretOf(1), secretOf(2)],
  });
  const writer: BatchWriter = {
    async writeBatch(saves) {
      await told.heldSave;
      return clock.watching(sql.writer).writeBatch(saves);
    },
  };

  const open = async () => {
    const { coordinator, sweep, checkReady, stop } = testEngine({
      store: new Proxy(store, {
        get(target, name) {
          if (name === 'load') loadCount += 1;
          return Reflect.get(target, name);
        },
      }),
      writer,
      registry: sql.registry,
      clock,
      participants: {
        async call(call) {
          calls.push(call);
          const answer = await told.answers(call);
          return typeof answer === 'number' ? httpAnswer(answer) : answer;
        },
      },
    });
    const app = await buildApp({
      coordinator,
      checkReady,
      apiTokens: new ApiTokens(apiTokens),
      completionUrls: urls,
      maxCallTimeoutMs: 60_000,
      participantConcurrency: 256,
      whyNeverCalled,
      metrics: async () => ({ contentType: 'text/plain', text: '' }),
    });
    await app.ready();
    const send = async (
      method: 'GET' | 'POST' | 'DELETE',
      url: string,
      body?: unknown,
      headers: object = {},
    ) => {
      const given = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...headers };
      const payload = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
      const answer = await app.inject({
        method,
        url,
        headers: given,
        ...(payload !== undefined && { payload }),
      });
      return { status: answer.statusCode, body: JSON.parse(answer.body) };
    };
    return {
      sweep,
      app,
      send,
      begin: async (body: object): Promise<string> => (await send('POST', '/v1/transactions', body)).body.gid,
      /** By an API token. */
      complete: (gid: string, branchId: string, body: unknown) => send('POST', pathOf(gid, branchId), body),
      /** By a signature, and nothing else. */
      completeSigned: (gid: string, branchId: string, body: unknown, signature: string) =>
        send('POST', `${pathOf(gid, branchId)}?signature=${signature}`, body, { authorization: '' }),
      read: async (gid: string) => (await send('GET', `/v1/transactions/${gid}`)).body,
      async close() {
        await app.close();
        void stop();
      },
    };
  };
  const replicas = [await open(), await open()] as const;

  return {
    replicas,
    clock,
    calls,
    urls,
    /** Reads of a transaction so far. */
    loadCount: () => loadCount,
    answer(answers: Answers) {
      told.answers = answers;
    },
    /** Saves wait until the answer is called. */
    holdSaves(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      told.heldSave = promise;
      return () => {
        told.heldSave = null;
        resolve();
      };
    },
    signatureOf: (gid: string, branchId: string, op: Op): string => signatureIn(urls, gid, branchId, op),
    /** Changes rows as an operator may, or half a restore. */
    edit: (statement: string, gid: string): Promise<unknown> => sql.dataSource.query(statement, [gid]),
    /** All that is stored of it. */
    stored: async (gid: string): Promise<string> =>
      JSON.stringify([await sql.store.load(gid), await sql.store.journalOf(gid)]),
    rowCount: async (gid: string): Promise<number> => (await sql.store.journalOf(gid)).length,
    async close() {
      for (const replica of replicas) await replica.close();
      await sql.close();
      await rm(folder, { recursive: true });
    },
  };
}

export const signatureIn = (urls: CompletionUrls, gid: string, branchId: string, op: Op): string =>
  new URL(urls.urlOf({ gid, branchId, op })).searchParams.get('signature') ?? '';

const pathOf = (gid: string, branchId: string): string =>
  `/v1/transactions/${gid}/branches/${branchId}/complete`;
