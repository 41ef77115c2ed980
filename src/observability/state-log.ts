/**
 * The log of what happens to transactions: one line for each change of state, one for each branch that comes to wait
 * for a person, and one when a participant's circuit changes. Single calls are for metrics and traces.
 *
 * No line has a payload, a business key or more of an address than its origin. Nothing is built for a line that the
 * level does not want.
 */
import type { Logger } from 'pino';
import { isAddress } from '../application/allowed-addresses.ts';
import type { CircuitState, Observer } from '../application/ports.ts';
import { type Branch, type GlobalTransaction, traceIdOf } from '../domain/index.ts';
import { ADDRESS_LABEL, type LogLine } from './catalogue.ts';

export class StateLog implements Observer {
  readonly #logger: Pick<Logger, 'isLevelEnabled' | 'debug' | 'info' | 'warn'>;

  constructor(logger: Pick<Logger, 'isLevelEnabled' | 'debug' | 'info' | 'warn'>) {
    this.#logger = logger;
  }

  saved(before: GlobalTransaction | null, after: GlobalTransaction): void {
    const logger = this.#logger;
    if (before?.status !== after.status && logger.isLevelEnabled('info'))
      logger.info(stateLine(before, after), stateWords(before, after));
    if (before?.branches === after.branches) return;
    if (logger.isLevelEnabled('debug')) this.#tellRegistered(before, after);
    if (logger.isLevelEnabled('warn')) this.#tellParked(before, after);
  }

  /** There are too many calls for a log. */
  called(): void {}

  circuitChanged(participant: string, state: CircuitState): void {
    if (!this.#logger.isLevelEnabled('info')) return;
    const line: LogLine = { participant: nameOf(participant), circuit: state };
    this.#logger.info(line, 'circuit changed');
  }

  committed(): void {}

  /** They ended long ago. */
  removed(): void {}

  /** Branches are only ever added, at the end. */
  #tellRegistered(before: GlobalTransaction | null, after: GlobalTransaction): void {
    for (const branch of after.branches.slice(before?.branches.length ?? 0))
      this.#logger.debug(branchLine(after, branch), 'branch registered');
  }

  #tellParked(before: GlobalTransaction | null, after: GlobalTransaction): void {
    after.branches.forEach((branch, index) => {
      const { parkedAt, answer } = branch.phaseTwo;
      if (parkedAt === null || parkedAt === before?.branches[index]?.phaseTwo.parkedAt) return;
      const line = branchLine(after, branch);
      if (after.decision !== null) line.op = after.decision.decision;
      if (answer !== null) line.answer = answer;
      this.#logger.warn(line, 'branch parked: it waits for a person');
    });
  }
}

function stateLine(before: GlobalTransaction | null, after: GlobalTransaction): LogLine {
  const line = transactionLine(after);
  if (after.name !== null) line.transaction_name = after.name;
  line.status = after.status;
  if (isDecidedNow(before, after)) {
    line.decision = after.decision.decision;
    line.reason = after.decision.reason;
    if (after.decision.branchId !== null) line.branch_id = after.decision.branchId;
  }
  if (after.finishedAt !== null) line.duration_ms = after.finishedAt - after.beganAt;
  return line;
}

/** The last of what one save made of it; the fields tell the rest. */
function stateWords(before: GlobalTransaction | null, after: GlobalTransaction): string {
  if (after.finishedAt !== null) return 'transaction finished';
  return isDecidedNow(before, after) ? 'transaction decided' : 'transaction begun';
}

const isDecidedNow = (
  before: GlobalTransaction | null,
  after: GlobalTransaction,
): after is GlobalTransaction & { readonly decision: object } =>
  after.decision !== null && (before === null || before.decision === null);

function branchLine(tx: GlobalTransaction, { branchId, participant }: Branch): LogLine {
  const line = transactionLine(tx);
  line.branch_id = branchId;
  line.participant = nameOf(participant);
  return line;
}

function transactionLine(tx: GlobalTransaction): LogLine {
  const line: LogLine = { gid: tx.gid };
  const traceId = traceIdOf(tx);
  if (traceId !== null) line.trace_id = traceId;
  return line;
}

/** The path of an address, and a user in it, may be secret. */
function nameOf(participant: string): string {
  return isAddress(participant) ? (URL.parse(participant)?.origin ?? ADDRESS_LABEL) : participant;
}
