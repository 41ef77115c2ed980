// The bodies that an initiator sends: JSON, with each optional field or without it.
import { describe, expect, test } from '@jest/globals';
import { branch, RequestRejected, type RunOptions, saga, type SubmitBranches, Tercet } from '@tercet/sdk';
import { BeginRequest } from '@tercet/sdk/wire';
import { Value } from 'typebox/value';
import { inventory, inventorySteps } from './shop.ts';
import { tea } from './world.ts';

const OPTIONAL = {
  name: 'order',
  businessKey: 'A-17',
  timeoutMs: 5000,
  callback: { participant: 'shop', activity: 'ended' },
};

/** With each field alone, with none, and with all of them. */
const about: readonly Partial<typeof OPTIONAL>[] = [
  {},
  ...Object.entries(OPTIONAL).map(([field, value]) => ({ [field]: value })),
  OPTIONAL,
];

/** The first body that is sent; the coordinator rejects it. */
async function bodyOf(act: (tercet: Tercet<readonly []>) => Promise<unknown>): Promise<unknown> {
  const bodies: unknown[] = [];
  const problem = {
    type: 'urn:tercet:error:invalid_request',
    title: 'no',
    status: 400,
    code: 'invalid_request',
    detail: 'no',
  };
  const tercet = new Tercet({
    urls: 'http://127.0.0.1:1',
    contracts: [],
    fetch: async (_url, request) => {
      bodies.push(JSON.parse(String(request?.body)));
      return new Response(JSON.stringify(problem), {
        status: 400,
        headers: { 'content-type': 'application/problem+json' },
      });
    },
  });
  await expect(act(tercet)).rejects.toBeInstanceOf(RequestRejected);
  return bodies[0];
}

describe('the body of', () => {
  test.each(about)('submitted branches has what is given of %j, and is valid', async (given) => {
    // As plain JavaScript may call it: the API lets a transaction have no name.
    const options = { ...given, branches: [branch(inventory, 'reserve', tea)] } as SubmitBranches;
    const body = await bodyOf((tercet) => tercet.submit(options));
    const sent = {
      branchId: 'inventory-reserve-1',
      participant: 'inventory',
      activity: 'reserve',
      payload: tea,
    };
    expect(body).toEqual({ ...given, branches: [sent] });
    expect(Value.Check(BeginRequest, body)).toBe(true);
  });

  test.each(about.map(({ name: _, ...rest }) => rest))('a saga has what is given of %j', async (given) => {
    const definition = saga('fulfil').step('a', inventorySteps.reserve, tea).definition;
    const body = await bodyOf((tercet) => tercet.submit({ ...given, saga: { definition } }));
    expect(body).toEqual({ ...JSON.parse(JSON.stringify(definition)), ...given });
  });

  test.each(about)('a run has what is given of %j, and is valid', async (given) => {
    const body = await bodyOf((tercet) => tercet.run(given as RunOptions, async () => null));
    expect(body).toEqual(given);
    expect(Value.Check(BeginRequest, body)).toBe(true);
  });
});
