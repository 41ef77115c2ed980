/** A transaction as the answer to a request that changes it: its status, and where to read it again. */
import type { Outcome } from '../application/coordinator.ts';
import type { Saved } from '../application/ports.ts';
import { type GlobalTransaction, isFinished } from '../domain/index.ts';
import type { TransactionView } from '../wire/index.ts';
import { type Headers, success } from './route.ts';
import { type Annotate, transactionView } from './transaction-view.ts';

type Accepted = Extract<Outcome, { accepted: true }>;
type Shown<Status> = { readonly status: Status; readonly headers: Headers; readonly body: TransactionView };

/** What the request made just now, or what an earlier one like it had made. */
export function madeAnswer({ saved, isChanged }: Accepted, annotate: Annotate): Shown<200> | Shown<201> {
  const body = transactionView(saved.tx, annotate);
  return isChanged ? success(201, body, { location: addressOf(saved.tx) }) : success(200, body);
}

/** Its end; or that it goes on, and where to read it again. */
export function endAnswer({ tx }: Saved, annotate: Annotate): Shown<200> | Shown<202> {
  const body = transactionView(tx, annotate);
  return isFinished(tx) ? success(200, body) : success(202, body, { location: addressOf(tx) });
}

const addressOf = ({ gid }: GlobalTransaction): string => `/v1/transactions/${gid}`;
