/** Every store passes the same contract: in memory, in a SQLite file, on MySQL and on MariaDB. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe } from '@jest/globals';
import { MemoryHeartbeatStore } from '../../src/adapters/memory/heartbeats.ts';
import { MemoryParticipantRegistry } from '../../src/adapters/memory/participant-registry.ts';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { migrate } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { describeOn, type SharedServer } from '../support/servers.ts';
import { connectionFaults } from './connection-faults.ts';
import { lockFaults } from './lock-faults.ts';
import { readsContract } from './reads-contract.ts';
import { removalContract } from './removal-contract.ts';
import { resumptionsContract } from './resumptions-contract.ts';
import { type CannotSuffer, type StoreUnderTest, storeContract } from './store-contract.ts';

/** A slow database is to be waited for: only faults that the tests inject make an outcome unknown. */
const COMMIT_TIMEOUT_MS = 60_000;

const notSufferedInMemory: CannotSuffer = {
  'a connection that is cut': 'it has no connection',
  'the locks of others': 'it has no sessions: a batch is one synchronous step',
};
const notSufferedOnSqlite: CannotSuffer = {
  'a connection that is cut': 'the database is a library in the same process',
  'the locks of others': 'the file belongs to one process, and its one connection runs a batch as one step',
};

describe('the store in memory', () => {
  const open = async () => {
    const store = new MemoryTransactionStore();
    const registry = new MemoryParticipantRegistry();
    const heartbeats = new MemoryHeartbeatStore();
    const both = { store, otherStore: store, writer: store, otherWriter: store };
    const { resumptions } = store;
    const shared = { resumptions, otherResumptions: resumptions, heartbeats, otherHeartbeats: heartbeats };
    return { ...both, registry, ...shared, close: async () => {} };
  };
  storeContract(open);
  readsContract(open);
  removalContract(open);
  resumptionsContract(open);
  faults(notSufferedInMemory, () => '');
});

/** It begins with a digit, which a name without quotes does not on SQLite. */
const TABLE_PREFIX = '2nd_';

describe.each([
  ['the store on SQLite', ''],
  ['the store on SQLite, with a table prefix', TABLE_PREFIX],
])('%s', (_name, tablePrefix) => {
  const open = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tercet-store-'));
    const opened = await openStore(`sqlite:${join(folder, 'store.sqlite')}`, COMMIT_TIMEOUT_MS, {
      tablePrefix,
    });
    await migrate(opened.dataSource);
    return underTest(opened, opened, () => rm(folder, { recursive: true }));
  };
  storeContract(open);
  readsContract(open);
  removalContract(open);
  resumptionsContract(open);
  faults(notSufferedOnSqlite, () => '');
});

describeOn(['mysql', 'mariadb'], 'the store', (server) => {
  let url = '';
  beforeAll(async () => {
    url = await newDatabase(server);
  });
  storeContract(() => openTwice(url));
  readsContract(async () => openTwice(await newDatabase(server)));
  removalContract(async () => openTwice(await newDatabase(server)));
  resumptionsContract(async () => openTwice(await newDatabase(server)));
  faults({}, () => url);
});

describeOn(['mysql'], 'the store, with a table prefix,', (server) => {
  const open = async () => openTwice(await newDatabase(server, TABLE_PREFIX), TABLE_PREFIX);
  storeContract(open);
  readsContract(open);
  removalContract(open);
  resumptionsContract(open);
});

async function openTwice(url: string, tablePrefix = ''): Promise<StoreUnderTest> {
  const opened = await openStore(url, COMMIT_TIMEOUT_MS, { tablePrefix });
  const other = await openStore(url, COMMIT_TIMEOUT_MS, { tablePrefix });
  return underTest(opened, other, () => other.close());
}

async function newDatabase(server: SharedServer, tablePrefix = ''): Promise<string> {
  const url = await server.createDatabase();
  const { dataSource, close } = await openStore(url, COMMIT_TIMEOUT_MS, { tablePrefix });
  await migrate(dataSource);
  await close();
  return url;
}

function faults(cannotSuffer: CannotSuffer, databaseUrl: () => string): void {
  if (!cannotSuffer['a connection that is cut']) connectionFaults(databaseUrl);
  if (!cannotSuffer['the locks of others']) lockFaults(databaseUrl);
}

function underTest(opened: SqlStore, other: SqlStore, close: () => Promise<void>): StoreUnderTest {
  const { store, writer, registry, resumptions, heartbeats } = opened;
  const closeAll = async () => {
    await opened.close();
    await close();
  };
  return {
    store,
    otherStore: other.store,
    writer,
    otherWriter: other.writer,
    registry,
    resumptions,
    otherResumptions: other.resumptions,
    heartbeats,
    otherHeartbeats: other.heartbeats,
    close: closeAll,
  };
}
