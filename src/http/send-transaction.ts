/** A transaction as the answer to a request that changes it: which status, and whether to look again elsewhere. */
import type { FastifyReply } from 'fastify';
import type { Outcome } from '../application/coordinator.ts';
import type { Saved } from '../application/ports.ts';
import { type GlobalTransaction, isFinished } from '../domain/index.ts';
import { type Annotate, transactionView } from './transaction-view.ts';

type Accepted = Extract<Outcome, { accepted: true }>;

/** What the request made just now, or what an earlier one like it had made. */
export function sendMade(
  reply: FastifyReply,
  { saved, isChanged }: Accepted,
  annotate: Annotate,
): FastifyReply {
  if (isChanged) reply.header('location', addressOf(saved.tx));
  return reply.code(isChanged ? 201 : 200).send(transactionView(saved.tx, annotate));
}

/** Its end; or that it goes on, and where to look again. */
export function sendWhenFinished(reply: FastifyReply, { tx }: Saved, annotate: Annotate): FastifyReply {
  if (!isFinished(tx)) reply.code(202).header('location', addressOf(tx));
  return reply.send(transactionView(tx, annotate));
}

const addressOf = ({ gid }: GlobalTransaction): string => `/v1/transactions/${gid}`;
