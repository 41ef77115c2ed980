// Who may call, where a participant has secrets.
import { describe, expect, test } from '@jest/globals';
import {
  checkSecret,
  newSecret,
  type SignatureHeaders,
  signatureHeaders,
  verifySignature,
} from '@tercet/sdk/signature';
import type { Op } from '@tercet/sdk/wire';
import { type Asked, answerOf, callFor, newGid, openShop, problemOf } from './shop.ts';

const OURS = newSecret();
const THEIRS = newSecret();
const MINUTE_MS = 60_000;

type Signed = { readonly secrets?: readonly string[]; readonly at?: Date };

/** A call as the coordinator sends and signs it. */
function signedCall(asked: Asked, { secrets = [OURS], at = new Date() }: Signed = {}) {
  const gid = asked.gid ?? newGid();
  const call = callFor({ ...asked, gid });
  const signature = signatureHeaders(
    { gid, branchId: 'stock', op: asked.op ?? 'try', ...(asked.kind === 'tcc' && { kind: 'tcc' }) },
    call.body,
    secrets,
    at,
  );
  return { ...call, headers: { ...call.headers, ...signature } };
}

describe('a participant with a secret', () => {
  test('serves what is signed with it', async () => {
    const { participant, stock } = await openShop([OURS]);
    const gid = newGid();
    for (const op of ['try', 'confirm'] as const)
      expect(await answerOf(participant, signedCall({ gid, op }))).toMatchObject({ status: 200 });
    expect(stock()).toEqual([8, 0, 2]);
  });

  test.each([
    ['removed', undefined],
    ['changed', 'pivot'],
  ])('does not believe a signed call whose kind was %s on the way', async (_what, kind) => {
    const { participant, stock } = await openShop([OURS]);
    const { headers, ...call } = signedCall({ kind: 'tcc' });
    const { 'tcc-kind': _kind, ...others } = headers as Record<string, string>;
    const altered = { ...others, ...(kind !== undefined && { 'tcc-kind': kind }) };
    expect(await problemOf(participant, { ...call, headers: altered })).toMatchObject({
      httpStatus: 401,
      code: 'invalid_signature',
      detail: expect.stringContaining('webhook-id does not name the call of the TCC headers'),
    });
    expect(stock()).toEqual([10, 0, 0]);
    expect(await answerOf(participant, signedCall({ kind: 'tcc' }))).toMatchObject({ status: 200 });
  });

  const doubtful: [string, () => ReturnType<typeof signedCall> | ReturnType<typeof callFor>, string][] = [
    ['is not signed', () => callFor(), 'webhook-id is missing: only signed calls are served'],
    ['is signed with another secret', () => signedCall({}, { secrets: [THEIRS] }), 'the same secret'],
    [
      'has another body',
      () => ({ ...signedCall({}), body: '{"item":"teapot","quantity":9}' }),
      'the same secret',
    ],
    [
      'was signed six minutes ago',
      () => signedCall({}, { at: new Date(Date.now() - 6 * MINUTE_MS) }),
      's ago by the participant',
    ],
    [
      'was signed six minutes ahead',
      () => signedCall({}, { at: new Date(Date.now() + 6 * MINUTE_MS) }),
      's in the future by the participant',
    ],
  ];
  test.each(doubtful)('answers 401 to a call that %s, and does nothing', async (_what, call, why) => {
    const { participant, stock, told } = await openShop([OURS]);
    expect(await problemOf(participant, call())).toMatchObject({
      httpStatus: 401,
      code: 'invalid_signature',
      detail: expect.stringContaining(why),
    });
    expect(stock()).toEqual([10, 0, 0]);
    expect(told).toEqual([]);
  });

  test.each([
    'webhook-id',
    'webhook-timestamp',
    'webhook-signature',
  ])('names %s when it is missing', async (header) => {
    const { participant } = await openShop([OURS]);
    const { headers, ...call } = signedCall({});
    const { [header]: _left, ...others } = headers as Record<string, string>;
    expect(await problemOf(participant, { ...call, headers: others })).toMatchObject({
      httpStatus: 401,
      detail: expect.stringContaining(`${header} is missing`),
    });
  });

  test('does not look at the body before it believes the call', async () => {
    const { participant } = await openShop([OURS]);
    expect(await problemOf(participant, { ...signedCall({}), body: '{' })).toMatchObject({ httpStatus: 401 });
  });

  test('serves calls four minutes old: clocks differ, and networks delay', async () => {
    const { participant } = await openShop([OURS]);
    const at = new Date(Date.now() - 4 * MINUTE_MS);
    expect(await answerOf(participant, signedCall({}, { at }))).toMatchObject({ status: 200 });
  });
});

describe('a signed call is not served under another name', () => {
  const renamed = (asked: Asked, headers: Record<string, string>, path?: string) => {
    const call = signedCall(asked);
    return { ...call, path: path ?? call.path, headers: { ...call.headers, ...headers } };
  };

  test('of another transaction', async () => {
    const { participant, stock } = await openShop([OURS]);
    const gid = newGid();
    const call = renamed({}, { 'tcc-transaction-id': gid, 'idempotency-key': `${gid}/stock/try` });
    expect(await problemOf(participant, call)).toMatchObject({ httpStatus: 401, code: 'invalid_signature' });
    expect(stock()).toEqual([10, 0, 0]);
  });

  test('of another branch', async () => {
    const { participant, stock } = await openShop([OURS]);
    const gid = newGid();
    const call = renamed({ gid }, { 'tcc-branch-id': 'other', 'idempotency-key': `${gid}/other/try` });
    expect(await problemOf(participant, call)).toMatchObject({
      httpStatus: 401,
      detail: expect.stringContaining('webhook-id does not name the call'),
    });
    expect(stock()).toEqual([10, 0, 0]);
  });

  test.each<[Op, Op]>([
    ['try', 'confirm'],
    ['try', 'cancel'],
    ['cancel', 'confirm'],
  ])('a %s as %s', async (signed, op) => {
    const { participant, stock } = await openShop([OURS]);
    const gid = newGid();
    await participant.handle(signedCall({ gid }));
    const others = { 'tcc-op': op, 'idempotency-key': `${gid}/stock/${op}` };
    const call = renamed({ gid, op: signed }, others, `/reserve/${op}`);
    expect(await problemOf(participant, call)).toMatchObject({ httpStatus: 401, code: 'invalid_signature' });
    expect(stock()).toEqual([8, 2, 0]);
  });

  test('nor by its path alone', async () => {
    const { participant, stock } = await openShop([OURS]);
    const call = renamed({ op: 'cancel' }, {}, '/reserve/confirm');
    expect(await problemOf(participant, call)).toMatchObject({
      httpStatus: 400,
      errors: [{ header: 'tcc-op' }],
    });
    expect(stock()).toEqual([10, 0, 0]);
  });
});

describe('a secret is changed without a pause:', () => {
  const OLD = OURS;
  const NEW = THEIRS;
  test.each([
    ['both at the participant, the old one at the coordinator', [OLD, NEW], [OLD], 200],
    ['both at the participant, the new one at the coordinator', [OLD, NEW], [NEW], 200],
    ['both at the coordinator, the old one at the participant', [OLD], [OLD, NEW], 200],
    ['both at the coordinator, the new one at the participant', [NEW], [OLD, NEW], 200],
    ['the old one is gone from the participant', [NEW], [OLD], 401],
  ])('%s', async (_what, known, used, status) => {
    const { participant } = await openShop(known);
    expect(await answerOf(participant, signedCall({}, { secrets: used }))).toMatchObject({ status });
  });
});

describe('headers by Standard Webhooks', () => {
  test('are made by its formula', () => {
    // The signature was worked out apart, by another implementation of HMAC.
    const secret = `whsec_${Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64')}`;
    const call = { gid: '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60', branchId: 'stock', op: 'try' } as const;
    expect(signatureHeaders(call, '{"item":"tea"}', [secret], new Date(1_764_000_000_999))).toEqual({
      'webhook-id': '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60/stock/try',
      'webhook-timestamp': '1764000000',
      'webhook-signature': 'v1,q34mKbZC1Nz36SZiaB2aAMjHSGsnrMnUM2NDTtqXeXg=',
    });
  });

  test('have one signature for each secret', () => {
    const call = { gid: newGid(), branchId: 'b', op: 'try' } as const;
    const at = new Date();
    const of = (secrets: string[]): SignatureHeaders => signatureHeaders(call, '{}', secrets, at);
    expect(of([OURS, THEIRS])['webhook-signature']).toBe(
      `${of([OURS])['webhook-signature']} ${of([THEIRS])['webhook-signature']}`,
    );
  });

  test('are not made without a secret', () => {
    expect(() => signatureHeaders({ gid: newGid(), branchId: 'b', op: 'try' }, '', [], new Date())).toThrow(
      TypeError,
    );
  });

  test('are believed for every text, and not when any of it is another', () => {
    const call = { gid: newGid(), branchId: 'b', op: 'try' } as const;
    const tcc = { 'tcc-transaction-id': call.gid, 'tcc-branch-id': 'b', 'tcc-op': 'try' };
    for (const body of ['', '{"a":"é 茶 🫖"}', '{ "a" :1.0}']) {
      const headers = { ...tcc, ...signatureHeaders(call, body, [OURS], new Date()) };
      expect(verifySignature(headers, body, [OURS])).toBeNull();
      expect(verifySignature(headers, `${body} `, [OURS])).toContain('the same secret');
    }
  });

  test('say what is wrong with a time that is none', () => {
    const call = { gid: newGid(), branchId: 'b', op: 'try' } as const;
    const tcc = { 'tcc-transaction-id': call.gid, 'tcc-branch-id': 'b', 'tcc-op': 'try' };
    const headers = { ...tcc, ...signatureHeaders(call, '', [OURS], new Date()), 'webhook-timestamp': 'now' };
    expect(verifySignature(headers, '', [OURS])).toContain(
      'webhook-timestamp is not a count of whole seconds',
    );
  });
});

describe('a secret', () => {
  test('that is new is one, and no other', () => {
    expect(checkSecret(newSecret())).toBeNull();
    expect(newSecret()).not.toBe(newSecret());
    expect(Buffer.from(newSecret().slice('whsec_'.length), 'base64')).toHaveLength(32);
  });

  const ofBytes = (count: number) => `whsec_${Buffer.alloc(count, 7).toString('base64')}`;

  test('that is none is answered with how to make one', () => {
    const advice =
      'make one by echo "whsec_$(openssl rand -base64 32)", or by newSecret() of @tercet/sdk/signature';
    for (const wrong of ['secret', 'whsec_?', ofBytes(23), undefined as unknown as string])
      expect(checkSecret(wrong)).toMatch(new RegExp(`: ${RegExp.escape(advice)}$`));
  });

  test.each([24, 64])('may have %d bytes', (count) => {
    expect(checkSecret(ofBytes(count))).toBeNull();
  });

  test.each([
    [ofBytes(23), '24 to 64 bytes, and this one 23'],
    [ofBytes(65), '24 to 64 bytes, and this one 65'],
    [newSecret().slice('whsec_'.length), 'begins with whsec_'],
    [`${ofBytes(32)}!`, 'base64'],
    [ofBytes(32).replace('=', ''), 'base64'],
    [` ${ofBytes(32)}`, 'begins with whsec_'],
    ['', 'begins with whsec_'],
  ])('may not be %j', (secret, why) => {
    expect(checkSecret(secret)).toContain(why);
  });
});
