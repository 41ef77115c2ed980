/** The query builders and ORMs that the barrier knows besides TypeORM, in worlds that tests of every driver can ask. */
import type { ServerName } from '../../../scripts/servers/servers.ts';
import type { BarrierWorld } from './barrier-world.ts';
import { knexWorld, sayByKnex } from './knex-worlds.ts';
import { speaking } from './speaking.ts';

export type Library = {
  readonly name: string;
  readonly servers: readonly ServerName[];
  open(url: string): Promise<BarrierWorld>;
};

export const libraries: readonly Library[] = [
  {
    name: 'Knex',
    servers: ['mysql', 'mariadb', 'postgres'],
    open: async (url) => speaking(await knexWorld(url), sayByKnex) as BarrierWorld,
  },
];
