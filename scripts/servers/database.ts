/** A database of its own for each test file, on a server that many share. */
import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';

/** @returns the URL of the new, empty database; its name is random, and nobody drops it: the server is thrown away */
export async function createDatabase(server: { readonly url: string }): Promise<string> {
  const name = `tercet_${randomBytes(6).toString('hex')}`;
  const url = new URL(server.url);
  const connection = await createConnection({ uri: url.href });
  try {
    await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  } finally {
    connection.destroy();
  }
  url.pathname = `/${name}`;
  return url.href;
}
