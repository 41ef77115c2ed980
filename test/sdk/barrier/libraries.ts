/** The query builders and ORMs that the barrier knows besides TypeORM, in worlds that tests of every driver can ask. */
import type { ServerName } from '../../../scripts/servers/servers.ts';
import type { BarrierWorld } from './barrier-world.ts';
import { drizzleWorld, sayByDrizzle } from './drizzle-worlds.ts';
import { knexWorld, sayByKnex } from './knex-worlds.ts';
import { prismaWorld, sayByPrisma } from './prisma-worlds.ts';
import { speaking } from './speaking.ts';

export type Library = {
  readonly name: string;
  readonly servers: readonly ServerName[];
  /** Whether the barrier has the connection: it turns autocommit off, and guards a SQL transaction that it joins. */
  readonly showsConnection: boolean;
  open(url: string): Promise<BarrierWorld>;
};

export const libraries: readonly Library[] = [
  {
    name: 'Knex',
    servers: ['mysql', 'mariadb', 'postgres'],
    showsConnection: true,
    open: async (url) => speaking(await knexWorld(url), sayByKnex) as BarrierWorld,
  },
  {
    name: 'Drizzle',
    servers: ['mysql', 'mariadb', 'postgres'],
    showsConnection: true,
    open: async (url) => speaking(await drizzleWorld(url), sayByDrizzle) as BarrierWorld,
  },
  {
    name: 'Prisma',
    servers: ['mysql', 'mariadb', 'postgres'],
    showsConnection: false,
    open: async (url) => speaking(await prismaWorld(url), sayByPrisma) as BarrierWorld,
  },
];
