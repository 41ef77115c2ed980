// The server may have any sql_mode: every connection of ours has its own before a value is written into a statement.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDatabase } from '../../scripts/servers/database.ts';
import type { RunningServer } from '../../scripts/servers/run.ts';
import { migrate } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { isQuarantined, type Save } from '../../src/application/ports.ts';
import { newTransaction, newGid, saveOf } from '../support/saves.ts';
import { describeOwn, type StartOwn } from '../support/servers.ts';
import { readsContract } from './reads-contract.ts';
import { removalContract } from './removal-contract.ts';
import { type StoreUnderTest, storeContract } from './store-contract.ts';

const FLAGS = ['--sql-mode=STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES,ANSI_QUOTES'];
const COMMIT_TIMEOUT_MS = 5000;

/** Each ends a literal, or changes one, where a backslash escapes nothing, or a double quote names a column. */
const AWKWARD = [
  `it's "quoted" \`so\``,
  `\\' OR 1 = 1 -- `,
  `', status = 0x78 WHERE 1 = 1 -- `,
  'a backslash at the end \\',
  'two\r\nlines',
  'a NUL \0 and a \u001a',
  '日本é🙂',
  '? ?? :name %s',
];

function suite(start: StartOwn): void {
  let server: RunningServer;
  beforeAll(async () => {
    server = await start({ flags: FLAGS });
  });
  afterAll(() => server.stop());

  const newDatabase = async () => {
    const url = await createDatabase(server);
    const { dataSource, close } = await openStore(url, COMMIT_TIMEOUT_MS);
    await migrate(dataSource);
    await close();
    return url;
  };
  const openTwice = async (): Promise<StoreUnderTest> => {
    const url = await newDatabase();
    const [one, other] = [await openStore(url, COMMIT_TIMEOUT_MS), await openStore(url, COMMIT_TIMEOUT_MS)];
    return {
      store: one.store,
      otherStore: other.store,
      writer: one.writer,
      otherWriter: other.writer,
      registry: one.registry,
      resumptions: one.resumptions,
      otherResumptions: other.resumptions,
      heartbeats: one.heartbeats,
      otherHeartbeats: other.heartbeats,
      close: async () => {
        await one.close();
        await other.close();
      },
    };
  };

  storeContract(openTwice);
  readsContract(openTwice);
  removalContract(openTwice);

  describe('values that are not plain', () => {
    let sql: SqlStore;
    beforeAll(async () => {
      sql = await openStore(await newDatabase(), COMMIT_TIMEOUT_MS);
    });
    afterAll(() => sql.close());

    test.each(AWKWARD)('%j is read back as it was written, and changes no other row', async (text) => {
      const [neighbour, save] = [saveOf(null, newTransaction(newGid())), holding(text)];
      expect(await sql.writer.writeBatch([neighbour, save])).toEqual({ outcome: 'written' });
      for (const { gid, after } of [neighbour, save])
        expect(await sql.store.load(gid)).toMatchObject({ tx: after, seq: 1 });
      expect((await sql.store.journalOf(save.gid)).map(({ entries }) => entries)).toEqual([save.entries]);
    });

    test.each(AWKWARD)('%j finds what it names, and nothing else', async (text) => {
      const save = holding(text);
      await sql.writer.writeBatch([saveOf(null, newTransaction(newGid())), save]);
      const filter = {
        status: null,
        isParked: null,
        isQuarantined: null,
        attention: null,
        participant: null,
        beganAfter: null,
        before: null,
      };
      for (const by of [
        { name: text, businessKey: null },
        { name: null, businessKey: text },
      ]) {
        const found = await sql.store.list({ ...filter, ...by, limit: 200 });
        expect(found.map(({ gid }) => gid)).toContain(save.gid);
        expect(found.every((tx) => !isQuarantined(tx) && tx.name === text && tx.businessKey === text)).toBe(
          true,
        );
      }
      expect(await sql.store.gidOfBeginKey(save.beginKey ?? '')).toBe(save.gid);
    });

    test.each(AWKWARD)('%j is kept in the registration of a participant', async (text) => {
      const participant = {
        name: 'shop',
        baseUrls: [text],
        paths: { [text]: text },
        callTimeoutMs: null,
        secrets: [text],
      };
      await sql.registry.put(participant);
      expect(await sql.registry.list()).toEqual([participant]);
    });
  });
}

let keyCount = 0;

/** In every column that takes free text. Keys of requests are printable. */
function holding(text: string): Save {
  keyCount += 1;
  const tx = newTransaction(newGid());
  const branches = tx.branches.map((branch) => ({ ...branch, payload: JSON.stringify({ [text]: text }) }));
  const beginKey = `${text.replaceAll(/[^ -~]/g, '')}${keyCount}`;
  return saveOf(null, { ...tx, name: text, businessKey: text, branches }, { beginKey });
}

await describeOwn('mysql', 'the store on a server with NO_BACKSLASH_ESCAPES', suite);
await describeOwn('mariadb', 'the store on a server with NO_BACKSLASH_ESCAPES', suite);
