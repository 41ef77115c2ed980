// The contract of the barrier over query builders and ORMs, on every server that they know.
import { expect, test } from '@jest/globals';
import { describeOn } from '../../support/servers.ts';
import { barrierContract } from './barrier-contract.ts';
import { callOf } from './barrier-world.ts';
import { libraries } from './libraries.ts';
import { prismaWorld } from './prisma-worlds.ts';

for (const { name, servers, open } of libraries)
  describeOn(servers, `the barrier by ${name}`, (server) => {
    barrierContract(async () => open(await server.createDatabase()));
  });

describeOn(['mysql'], 'the barrier by Prisma with prepared statements', (server) => {
  test('does its calls, and says what a pivot needs', async () => {
    const { barrier, close } = await prismaWorld(await server.createDatabase(), false);
    await barrier.createTable();
    expect((await barrier.run(callOf('try'), () => 1)).outcome).toBe('done');
    const pivot = barrier.run(callOf('action'), () => 1, { isPivot: true });
    await expect(pivot).rejects.toThrow('give PrismaMariaDb the option useTextProtocol');
    await close();
  });
});
