// TLS to a real MySQL with a certificate of an authority made here: verified, or refused in words.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RowDataPacket } from 'mysql2';
import { migrate, openConnection, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { openStore } from '../../../src/adapters/sql/open-store.ts';
import { newAuthority } from '../../support/certificates.ts';
import { newTransaction, newGid, saveOf } from '../../support/saves.ts';
import { describeOwn } from '../../support/servers.ts';

await describeOwn('mysql', 'TLS to the database', (start) => {
  const authority = newAuthority('the authority of a test');
  const known = { ca: authority.cert };
  let folder: string;
  let stops: (() => Promise<void>)[] = [];

  /** The URL of a server that proves to be these hosts, for a user who may not come without TLS. */
  async function serverFor(hosts: readonly string[]): Promise<string> {
    const { cert, key } = authority.certify(hosts);
    const path = join(folder, hosts.join());
    await writeFile(`${path}.crt`, cert);
    await writeFile(`${path}.key`, key);
    const { url, stop } = await start({ flags: [`--ssl-cert=${path}.crt`, `--ssl-key=${path}.key`] });
    stops.push(stop);
    const root = await openConnection(`${url}/mysql`, {});
    await root.query("CREATE USER guest@'%' IDENTIFIED BY 'secret' REQUIRE SSL");
    await root.query('GRANT ALL ON *.* TO guest@"%"');
    await root.query('CREATE DATABASE tercet');
    await root.end();
    return url.replace('root@127.0.0.1', 'guest:secret@localhost').concat('/tercet');
  }

  let url: string;
  let otherUrl: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tercet-tls-'));
    [url, otherUrl] = await Promise.all([serverFor(['localhost']), serverFor(['db.test'])]);
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
    stops = [];
    await rm(folder, { recursive: true });
  });

  test('every connection of the pool is encrypted', async () => {
    const dataSource = await openDataSource(url, known);
    const ciphers = await Promise.all(
      Array.from({ length: 3 }, () => dataSource.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")),
    );
    await dataSource.destroy();
    for (const [{ Value }] of ciphers) expect(Value).toMatch(/^TLS_|^ECDHE/);
  });

  test('a connection outside the pool is encrypted', async () => {
    const connection = await openConnection(url, {}, known);
    const [rows] = await connection.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
    await connection.end();
    expect(rows[0]?.Value).toMatch(/^TLS_|^ECDHE/);
  });

  test('what is written goes over TLS too', async () => {
    const { dataSource, writer, store, close } = await openStore(url, 5000, { tls: known });
    await migrate(dataSource);
    const save = saveOf(null, newTransaction(newGid()));
    expect(await writer.writeBatch([save])).toEqual({ outcome: 'written' });
    expect(await store.load(save.gid)).toMatchObject({ seq: 1 });
    await close();
  });

  test('without TLS, who must use it is refused by the server', async () => {
    await expect(openDataSource(url)).rejects.toThrow(/Access denied/);
  });

  test('a certificate of an unknown authority is refused, and the setting that helps is named', async () => {
    await expect(openDataSource(url, { ca: null })).rejects.toThrow(
      /^the database at localhost:\d+ does not prove by its certificate that it is this host: .+TERCET_DATABASE_CA_FILE/,
    );
    const other = { ca: newAuthority('the authority of a test').cert };
    await expect(openDataSource(url, other)).rejects.toThrow(/does not prove by its certificate/);
  });

  test('a certificate for another host is refused', async () => {
    await expect(openDataSource(otherUrl, known)).rejects.toThrow(
      /does not prove .+ not in the cert's altnames/,
    );
    await expect(openConnection(otherUrl, {}, known)).rejects.toThrow(/does not prove/);
  });

  test('an IP address in place of a host is refused, since its certificate could not be compared', async () => {
    const byNumber = url.replace('localhost', '127.0.0.1');
    await expect(openDataSource(byNumber, known)).rejects.toThrow(
      /^TLS needs the name of the database's host/,
    );
  });

  test('a server that offers no TLS is refused, and not spoken to without it', async () => {
    const plain = await start({ flags: ['--tls-version='] });
    stops.push(plain.stop);
    const plainUrl = `${plain.url.replace('127.0.0.1', 'localhost')}/mysql`;
    await expect(openDataSource(plainUrl, known)).rejects.toThrow(/does not offer TLS/);
  });
});
