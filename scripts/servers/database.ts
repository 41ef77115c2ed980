/** A database of its own for each test file, on a server that many share. */
import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';

/** @returns the URL of the new, empty database; its name is random, and nobody drops it: the server is thrown away */
export async function createDatabase(server: { readonly url: string }): Promise<string> {
  const name = `tercet_${randomBytes(6).toString('hex')}`;
  const url = new URL(server.url);
  await (/^postgres/.test(url.protocol) ? createInPostgres(url.href, name) : createInMysql(url.href, name));
  url.pathname = `/${name}`;
  return url.href;
}

async function createInMysql(uri: string, name: string): Promise<void> {
  const connection = await createConnection({ uri });
  try {
    await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  } finally {
    connection.destroy();
  }
}

async function createInPostgres(connectionString: string, name: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    // Only template0 can be copied into another encoding than its own.
    await client.query(`CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  } finally {
    await client.end();
  }
}
