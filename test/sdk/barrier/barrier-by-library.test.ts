// The contract of the barrier over query builders and ORMs, on every server that they know.
import { describeOn } from '../../support/servers.ts';
import { barrierContract } from './barrier-contract.ts';
import { libraries } from './libraries.ts';

for (const { name, servers, open } of libraries)
  describeOn(servers, `the barrier by ${name}`, (server) => {
    barrierContract(async () => open(await server.createDatabase()));
  });
