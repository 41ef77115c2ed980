import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { describeOn } from './servers.ts';
import { saying, startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

describe('a TCP proxy before a server that answers every request', () => {
  let heard: string[];
  let server: Server;
  let proxy: TcpProxy;

  beforeEach(async () => {
    heard = [];
    server = await answering(heard);
    proxy = await startTcpProxy({ targetPort: portOf(server) });
  });

  afterEach(async () => {
    await proxy.close();
    await new Promise((resolve) => server.close(resolve));
  });

  test('passes requests and answers as they are', async () => {
    const client = await clientOf(proxy);
    expect(await client.ask('BEGIN')).toBe('ok BEGIN');
    expect(await client.ask('COMMIT')).toBe('ok COMMIT');
    expect(proxy.connectionCount).toBe(1);
    client.leave();
  });

  test('passes the end of a client on, and the answer that it still waits for', async () => {
    const client = await clientOf(proxy);
    const answer = client.ask('COMMIT');
    client.leave();
    expect(await answer).toBe('ok COMMIT');
    await client.closed;
  });

  test('cut before: the server never hears of it', async () => {
    const rule = proxy.set({ when: saying('COMMIT'), do: 'cut-before' });
    const client = await clientOf(proxy);
    await client.ask('BEGIN');
    expect(await client.ask('COMMIT')).toBe('closed');
    await rule.serverDone;
    expect(heard).toEqual(['BEGIN', 'end']);
  });

  test('cut after: the server hears it, the client gets no answer', async () => {
    const rule = proxy.set({ when: saying('COMMIT'), do: 'cut-after' });
    const client = await clientOf(proxy);
    await client.ask('BEGIN');
    expect(await client.ask('COMMIT')).toBe('closed');
    await rule.serverDone;
    expect(heard).toEqual(['BEGIN', 'COMMIT', 'end']);
  });

  test('cut after an answer: the client gets it, and then the end', async () => {
    proxy.set({
      when: (chunk, direction) => direction === 'to-client' && chunk.includes('ok'),
      do: 'cut-after',
    });
    const client = await clientOf(proxy);
    expect(await client.ask('BEGIN')).toBe('ok BEGIN');
    expect(await client.ask('COMMIT')).toBe('closed');
  });

  test('cut and hold: the client is cut off at once, the server hears it late', async () => {
    const rule = proxy.set({ when: saying('COMMIT'), do: 'cut-and-hold' });
    const client = await clientOf(proxy);
    await client.ask('BEGIN');
    expect(await client.ask('COMMIT')).toBe('closed');
    expect(heard).toEqual(['BEGIN']);
    expect(proxy.connectionCount).toBe(0);
    rule.release();
    await rule.serverDone;
    expect(heard).toEqual(['BEGIN', 'COMMIT', 'end']);
  });

  test('hold: what follows waits behind it, also the end, and nothing is lost', async () => {
    const rule = proxy.set({ when: saying('COMMIT'), do: 'hold' });
    const client = await clientOf(proxy);
    await client.ask('BEGIN');
    const answer = client.ask('COMMIT');
    await rule.met;
    expect(heard).toEqual(['BEGIN']);
    client.leave();
    rule.release();
    expect(await answer).toBe('ok COMMIT');
    await rule.serverDone;
    expect(heard).toEqual(['BEGIN', 'COMMIT', 'end']);
  });

  test('a rule applies once, and to the connection that meets it only', async () => {
    proxy.set({ when: saying('COMMIT'), do: 'cut-before' });
    const [first, second] = [await clientOf(proxy), await clientOf(proxy)];
    expect(await first.ask('COMMIT')).toBe('closed');
    expect(await second.ask('COMMIT')).toBe('ok COMMIT');
    second.leave();
  });

  test('paused, nothing passes, on new connections neither; resumed, all of it does', async () => {
    const seen = new Promise<void>((resolve) => proxy.onBytes(() => resolve()));
    const old = await clientOf(proxy);
    proxy.pause();
    const young = await clientOf(proxy);
    const answers = [old.ask('BEGIN'), young.ask('COMMIT')];
    await other(proxy);
    expect(heard).toEqual([]);
    proxy.resume();
    expect(await Promise.all(answers)).toEqual(['ok BEGIN', 'ok COMMIT']);
    await seen;
    old.leave();
    young.leave();
  });

  test('a pause does not let go what a rule holds', async () => {
    const rule = proxy.set({ when: saying('COMMIT'), do: 'hold' });
    const client = await clientOf(proxy);
    const answer = client.ask('COMMIT');
    await rule.met;
    proxy.pause();
    proxy.resume();
    const bystander = await clientOf(proxy);
    await bystander.ask('BEGIN');
    expect(heard).toEqual(['BEGIN']);
    rule.release();
    expect(await answer).toBe('ok COMMIT');
    client.leave();
    bystander.leave();
  });

  test('cut now: every open connection ends, new ones work', async () => {
    const client = await clientOf(proxy);
    await client.ask('BEGIN');
    proxy.cutNow();
    await client.closed;
    const next = await clientOf(proxy);
    expect(await next.ask('BEGIN')).toBe('ok BEGIN');
    next.leave();
  });

  test('refusing, new connections are refused while an open one goes on', async () => {
    const client = await clientOf(proxy);
    await client.ask('BEGIN');
    await proxy.refuse();
    await expect(clientOf(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await client.ask('COMMIT')).toBe('ok COMMIT');
    await proxy.accept();
    const next = await clientOf(proxy);
    expect(await next.ask('BEGIN')).toBe('ok BEGIN');
    client.leave();
    next.leave();
  });

  test('a server that is down ends the client', async () => {
    const orphan = await startTcpProxy({ targetPort: portOf(server) });
    await new Promise((resolve) => server.close(resolve));
    const client = await clientOf(orphan);
    await client.closed;
    await orphan.close();
    server.listen(0, '127.0.0.1');
  });
});

describeOn(['mysql', 'mariadb'], 'a COMMIT through a TCP proxy', (server) => {
  let url: string;
  let proxy: TcpProxy;

  beforeEach(async () => {
    url = await server.createDatabase();
    await queryAt(url, 'CREATE TABLE note (id INT PRIMARY KEY)');
    proxy = await startTcpProxy({ targetPort: Number(new URL(url).port) });
  });

  afterEach(() => proxy.close());

  test('cut before: nothing is stored', async () => {
    const rule = proxy.set({ when: saying('COMMIT'), do: 'cut-before' });
    await expect(insertThrough(proxy, url)).rejects.toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' });
    await rule.serverDone;
    expect(await notesAt(url)).toBe(0);
  });

  test('cut after: it is stored, though the client saw an error', async () => {
    const rule = proxy.set({ when: saying('COMMIT'), do: 'cut-after' });
    await expect(insertThrough(proxy, url)).rejects.toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' });
    await rule.serverDone;
    expect(await notesAt(url)).toBe(1);
  });

  test('cut and hold: it is stored long after the client saw an error', async () => {
    const rule = proxy.set({ when: saying('COMMIT'), do: 'cut-and-hold' });
    await expect(insertThrough(proxy, url)).rejects.toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' });
    expect(await notesAt(url)).toBe(0);
    rule.release();
    await rule.serverDone;
    expect(await notesAt(url)).toBe(1);
  });
});

async function insertThrough(proxy: TcpProxy, url: string): Promise<void> {
  const through = new URL(url);
  through.port = String(proxy.port);
  const connection = await createConnection(through.href);
  // It is told of its end besides the query that fails.
  connection.on('error', () => {});
  try {
    await connection.query('START TRANSACTION');
    await connection.query('INSERT INTO note VALUES (1)');
    await connection.query('COMMIT');
  } finally {
    connection.destroy();
  }
}

const notesAt = async (url: string): Promise<number> =>
  (await queryAt(url, 'SELECT COUNT(*) AS count FROM note'))[0]?.count ?? Number.NaN;

async function queryAt(url: string, sql: string): Promise<{ count: number }[]> {
  const connection = await createConnection(url);
  try {
    return (await connection.query(sql))[0] as unknown as { count: number }[];
  } finally {
    connection.destroy();
  }
}

async function answering(heard: string[]): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => {
      heard.push(String(chunk));
      socket.write(`ok ${chunk}`);
    });
    socket.on('end', () => {
      heard.push('end');
      socket.end();
    });
    socket.on('error', () => heard.push('error'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const portOf = (server: Server): number => (server.address() as { port: number }).port;

/** What travelled before it through the same event loop has arrived once a connection of its own has come and gone. */
async function other(proxy: TcpProxy): Promise<void> {
  const client = await clientOf(proxy);
  client.leave();
}

async function clientOf({ host, port }: TcpProxy) {
  const socket: Socket = connect({ host, port, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const closed = new Promise<void>((resolve) => {
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.once('end', () => socket.end());
  });
  return {
    closed,
    ask: (request: string): Promise<string> => {
      const answer = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
      socket.write(request);
      return Promise.race([answer, closed.then(() => 'closed')]);
    },
    leave: () => void socket.end(),
  };
}
