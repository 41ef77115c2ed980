/**
 * The log of transactions: one line for each change of state, for each branch that is parked, and for each change of a
 * circuit. Also when a branch is completed from outside, when the pivot of a saga is started, when a cancel comes too late for it, and when a callback is
 * delivered. Single calls are for metrics and traces.
 *
 * No line has a payload, a business key, the reason of a refusal or more of an address than its origin. No line is built below the log level.
 */
import type { Logger } from 'pino';
import type {
  CallFailure,
  CircuitState,
  CompletedCall,
  Observer,
  Participant,
} from '../application/ports.ts';
import { withoutReason } from '../application/refusal-reason.ts';
import { type Branch, callsOf, type GlobalTransaction, type Instant, traceIdOf } from '../domain/index.ts';
import type { LogLine } from './catalogue.ts';
import { labelOf } from './participant-label.ts';

export class StateLog implements Observer {
  readonly #logger: Pick<Logger, 'isLevelEnabled' | 'debug' | 'info' | 'warn'>;

  constructor(logger: Pick<Logger, 'isLevelEnabled' | 'debug' | 'info' | 'warn'>) {
    this.#logger = logger;
  }

  saved(before: GlobalTransaction | null, after: GlobalTransaction): void {
    const logger = this.#logger;
    if (logger.isLevelEnabled('info')) this.#logState(before, after);
    if (before?.branches === after.branches) return;
    if (logger.isLevelEnabled('debug')) this.#logRegistered(before, after);
    if (logger.isLevelEnabled('warn')) this.#logParked(before, after);
  }

  #logState(before: GlobalTransaction | null, after: GlobalTransaction): void {
    const logger = this.#logger;
    if (before?.status !== after.status) logger.info(stateLine(before, after), stateWords(before, after));
    if (isNow(before?.pivotStartedAt, after.pivotStartedAt)) {
      const pivot = after.branches.find(({ step }) => step?.isPivot);
      logger.info(
        pivot ? branchLine(after, pivot) : transactionLine(after),
        'pivot started: only its reply decides',
      );
    }
    if (isNow(before?.cancelAskedAt, after.cancelAskedAt))
      logger.info(transactionLine(after), 'cancel requested: only the reply of the pivot decides');
    if (after.callback !== null && isDelivered(after) && !isDelivered(before)) {
      const line = transactionLine(after);
      line.participant = labelOf(after.callback.participant);
      logger.info(line, 'callback delivered');
    }
  }

  /** Too many for a log. */
  called(): void {}

  completed(tx: GlobalTransaction, { branchId, op, reply }: CompletedCall): void {
    if (!this.#logger.isLevelEnabled('info')) return;
    const branch = tx.branches.find((one) => one.branchId === branchId);
    if (branch === undefined) return;
    this.#logger.info({ ...branchLine(tx, branch), op, reply }, 'branch completed from outside');
  }

  /** A participant that fails needs an operator's eye; that its circuit is probed or closed does not. */
  circuitChanged(participant: string, state: CircuitState, failure?: CallFailure): void {
    const level = state === 'open' ? 'warn' : 'info';
    if (!this.#logger.isLevelEnabled(level)) return;
    const line: LogLine = { participant: labelOf(participant), circuit: state };
    if (state === 'open' && failure !== undefined) {
      if (failure.origin !== undefined) line.address = failure.origin;
      line.answer = failure.answer;
    }
    this.#logger[level](line, 'circuit changed');
  }

  participantRecovered(participant: string): void {
    if (!this.#logger.isLevelEnabled('info')) return;
    const line: LogLine = { participant };
    this.#logger.info(line, 'participant recovered: what waits for it is resumed');
  }

  /** A metric counts them. */
  resumed(): void {}

  /** An operator who looks for the cause of a 404 needs the address from before. A registration that repeats it is no event. */
  participantRegistered({ name, baseUrls }: Participant, former: Participant | null): void {
    if (former !== null && former.baseUrls.join() === baseUrls.join()) return;
    const line: LogLine = { participant: name, base_urls: baseUrls.join(' ') };
    if (former !== null) line.former_base_urls = former.baseUrls.join(' ');
    this.#logger.info(line, 'participant registered');
  }

  participantRemoved(participant: string): void {
    this.#logger.info({ participant } satisfies LogLine, 'participant removed');
  }

  committed(): void {}

  /** They ended long ago. */
  removed(): void {}

  /** Branches are only ever added, at the end. */
  #logRegistered(before: GlobalTransaction | null, after: GlobalTransaction): void {
    for (const branch of after.branches.slice(before?.branches.length ?? 0))
      this.#logger.debug(branchLine(after, branch), 'branch registered');
  }

  #logParked(before: GlobalTransaction | null, after: GlobalTransaction): void {
    after.branches.forEach((branch, index) => {
      if (!isNow(parkedAt(before?.branches[index]), parkedAt(branch))) return;
      const line = branchLine(after, branch);
      const parked = callsOf(after, branch).find(({ call }) => call.parkedAt !== null);
      if (parked !== undefined) line.op = parked.op;
      if (parked?.call.answer != null) line.answer = withoutReason(parked.call.answer);
      this.#logger.warn(line, 'branch parked: needs an operator');
    });
  }
}

/** True if it was set by this save, or set anew. */
const isNow = (before: Instant | null | undefined, after: Instant | null): boolean =>
  after !== null && after !== before;

const isDelivered = (tx: GlobalTransaction | null): boolean => tx?.notification?.reply === 'succeeded';

const parkedAt = (branch: Branch | undefined): Instant | null =>
  branch?.phaseOne.parkedAt ?? branch?.phaseTwo.parkedAt ?? null;

function stateLine(before: GlobalTransaction | null, after: GlobalTransaction): LogLine {
  const line = transactionLine(after);
  line.pattern = after.pattern;
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

/** The last change of one save; the fields have the others. */
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
  line.participant = labelOf(participant);
  return line;
}

function transactionLine(tx: GlobalTransaction): LogLine {
  const line: LogLine = { gid: tx.gid };
  const traceId = traceIdOf(tx);
  if (traceId !== null) line.trace_id = traceId;
  return line;
}
