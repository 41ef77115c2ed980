/** Whether a server answers yet, and with which version: asked over the network, as a client would. */
import { connect } from 'node:net';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { type ServerName, servers } from './servers.ts';

/** @returns the version in the server's own words; rejects while it does not answer */
export function askRunning(name: ServerName, url: string): Promise<string> {
  if (name === 'redis') return askRedis(new URL(url));
  if (name === 'prometheus') return askPrometheus(url);
  return name === 'postgres' ? askPostgres(url) : askMysql(url);
}

async function askMysql(url: string): Promise<string> {
  const connection = await createConnection({ uri: url, connectTimeout: 5_000 });
  try {
    const [rows] = await connection.query('SELECT VERSION() AS version');
    return (rows as { version: string }[])[0]?.version ?? '';
  } finally {
    connection.destroy();
  }
}

async function askPostgres(url: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
  // A server that goes away between two calls would otherwise end this Node; the next call rejects.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? '';
  } finally {
    await client.end();
  }
}

function askRedis({ hostname, port, password }: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname,
      port: Number(port || servers.redis.defaultPort),
      timeout: 5_000,
    });
    let answer = '';
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('Redis closed the connection')));
    socket.once('timeout', () => socket.destroy(new Error('Redis does not answer')));
    socket.on('data', (chunk) => {
      answer += chunk;
      const version = /redis_version:(\S+)/.exec(answer)?.[1];
      if (version === undefined) return;
      resolve(version);
      socket.destroy();
    });
    socket.write(`${password === '' ? '' : `AUTH ${decodeURIComponent(password)}\r\n`}INFO server\r\n`);
  });
}

/** Not before it is ready: until then it refuses queries. */
async function askPrometheus(url: string): Promise<string> {
  const ask = (path: string) => fetch(new URL(path, url), { signal: AbortSignal.timeout(5_000) });
  const ready = await ask('/-/ready');
  if (!ready.ok) throw new Error(`Prometheus answers ${ready.status}`);
  const built = (await (await ask('/api/v1/status/buildinfo')).json()) as { data: { version: string } };
  return built.data.version;
}
