/**
 * The load, in a process of its own: clients that ask for a transaction, and ask again when they have the answer.
 *
 * Its own few lines instead of autocannon or undici: at 64 connections a request took 34–48 µs of CPU here, 50–58 with
 * autocannon and 75–95 with undici, and what the load takes the coordinator and the database lack, since all share one
 * machine. Every request is the same bytes, since nothing in it has to differ: the coordinator names the transaction.
 */
import { connect, type Socket } from 'node:net';
import type { Pattern } from '@tercet/sdk/wire';
import { eachMessage } from './http-frame.ts';

export type LoadQuestion = {
  readonly port: number;
  readonly pattern: Pattern;
  readonly clients: number;
  readonly seconds: number;
};

export type LoadAnswer = {
  /** Wall clock before the first request and after the last answer, in milliseconds since 1970. */
  readonly beganAt: number;
  readonly endedAt: number;
  /** Transactions that a client was answered as confirmed. */
  readonly confirmedCount: number;
  /** Those of them that were answered within the seconds. */
  readonly inTimeCount: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were anything else, connections that broke. */
  readonly errorCount: number;
  /** The first of them. */
  readonly errors: readonly string[];
};

const WAIT_SECONDS = 30;
const SHOWN_ERRORS = 3;

/** Of a saga they are steps, one after the other. */
const bodyFor = (pattern: Pattern): string =>
  JSON.stringify({
    pattern,
    name: 'order',
    branches: [
      { branchId: 'stock', participant: 'stock', activity: 'reserve', payload: { sku: 'A-17', quantity: 1 } },
      { branchId: 'money', participant: 'money', activity: 'hold', payload: { account: 'ann', cents: 1999 } },
    ],
  });

const requestTo = (port: number, body: string): Buffer =>
  Buffer.from(
    `POST /v1/transactions HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nprefer: wait=${WAIT_SECONDS}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );

process.on('message', async (question: LoadQuestion) => {
  process.send?.(await load(question));
});

async function load({ port, pattern, clients, seconds }: LoadQuestion): Promise<LoadAnswer> {
  const request = requestTo(port, bodyFor(pattern));
  const sockets = await Promise.all(Array.from({ length: clients }, () => open(port)));
  const notes: Notes = { latenciesMs: [], inTimeCount: 0, errorCount: 0, errors: [] };
  const beganAt = Date.now();
  const until = performance.now() + seconds * 1000;
  await Promise.all(sockets.map((socket) => keepAsking(socket, request, until, notes)));
  const sorted = Float64Array.from(notes.latenciesMs).sort();
  const quantile = (part: number) => sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
  return {
    beganAt,
    endedAt: Date.now(),
    confirmedCount: sorted.length,
    inTimeCount: notes.inTimeCount,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    errorCount: notes.errorCount,
    errors: notes.errors,
  };
}

type Notes = { latenciesMs: number[]; inTimeCount: number; errorCount: number; errors: string[] };

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Ends with the first answer after `until`, so that nothing is under way when the figures are read. */
function keepAsking(socket: Socket, request: Buffer, until: number, notes: Notes): Promise<void> {
  return new Promise((resolve) => {
    let askedAt = 0;
    const ask = () => {
      askedAt = performance.now();
      socket.write(request);
    };
    const fail = (what: string) => {
      notes.errorCount += 1;
      if (notes.errors.length < SHOWN_ERRORS) notes.errors.push(what);
    };
    const end = () => {
      clearTimeout(patience);
      socket.removeAllListeners('close').destroy();
      resolve();
    };
    const patience = setTimeout(
      () => {
        fail('no answer');
        end();
      },
      until - performance.now() + (WAIT_SECONDS + 5) * 1000,
    );
    socket.on(
      'data',
      eachMessage((answer) => {
        const now = performance.now();
        if (!isConfirmed(answer)) fail(answer);
        else {
          notes.latenciesMs.push(now - askedAt);
          if (now < until) notes.inTimeCount += 1;
        }
        if (now < until) ask();
        else end();
      }),
    );
    socket.on('error', () => {});
    socket.on('close', () => {
      fail('the connection was closed');
      end();
    });
    ask();
  });
}

const isConfirmed = (answer: string): boolean =>
  answer.startsWith('HTTP/1.1 200 ') && answer.includes('"status":"confirmed"');
