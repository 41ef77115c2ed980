/**
 * The same key for worlds that have the same future. Seqs are reduced to "the newest or not", and worlds that
 * differ only in the names of their branches are one: no step treats one name unlike another. The steps of a saga are
 * not alike, but for those that stand in the same place of its plan.
 */
import { branchReply } from '../../src/domain/branch-reply.ts';
import type { Reply } from '../../src/domain/global-transaction.ts';
import type { Ledger } from './ledger.ts';
import type { Participant } from './participant.ts';
import { mayHearTry } from './normal-form.ts';
import { at, type Budget, type Call, type Replica, type Strays, type World } from './world.ts';

export function canonicalKey(ledger: Ledger, world: World): string {
  const { durable, participants, initiator, time } = world;
  const [one, other] = world.replicas;
  const newest = durable?.seq ?? 0;
  const oneKnows = codesOf(one, newest);
  const otherKnows = codesOf(other, newest);
  const branches: string[] = [];
  for (let b = 0; b < participants.length; b++) {
    const participant = at(participants, b);
    const { tries, confirms, cancels, tombstone, refused, owedCancel } = participant;
    const strays = at(world.strays, b);
    branches.push(
      String.fromCharCode(
        (mayHearTry(world, b) ? durable?.of.branchCodes[b] : durable?.of.triesOverCodes[b]) ?? 0,
        oneKnows?.[b] ?? 0,
        callCode(one.calls[b]),
        one.held?.saving.of.branchCodes[b] ?? 0,
        (one.held?.ask.branch === b ? 1 : 0) | keptCode(one, b),
        otherKnows?.[b] ?? 0,
        callCode(other.calls[b]),
        other.held?.saving.of.branchCodes[b] ?? 0,
        (other.held?.ask.branch === b ? 1 : 0) | keptCode(other, b),
        tries |
          (confirms << 1) |
          (cancels << 2) |
          (tombstone ? 8 : 0) |
          (owedCancel ? 16 : 0) |
          (refused ? 32 : 0),
        outsideCode(participant),
        strayCode(strays) | (world.ran === null ? 0 : world.ran[b] ? 32 : 64),
        REGISTERED[at(initiator.branches, b)] | (callCode(initiator.calls[b]) << 2),
      ),
    );
  }
  const head = String.fromCharCode(
    time,
    durable?.of.head ?? 0,
    one.known === null ? 0 : one.known.seq === newest ? 1 : one.known.of.head,
    heldCode(ledger, one, newest),
    other.known === null ? 0 : other.known.seq === newest ? 1 : other.known.of.head,
    heldCode(ledger, other, newest),
    ...leftCodes(world.left),
  );
  return head + sortedWithin(ledger.alike, branches);
}

const keptCode = ({ kept }: Replica, b: number): number =>
  kept.length > 0 && kept.some(({ branch }) => branch === b) ? 2 : 0;

/** In a tcc all branches are alike. */
function sortedWithin(alike: Ledger['alike'], branches: string[]): string {
  if (alike === null) return branches.sort().join('');
  const sorted = alike.flatMap((group) => group.map((b) => branches[b]).sort());
  return sorted.join('');
}

/** What is fresh is the durable state, which stands in the key anyway. */
function codesOf({ known }: Replica, newest: number): readonly number[] | null {
  return known === null || known.seq === newest ? null : known.of.staleCodes;
}

const REGISTERED = { no: 0, yes: 1, tried: 2, refused: 3 };
const OP = { try: 0, confirm: 1, cancel: 2, action: 3, compensate: 4 };
const REPLY: Record<Reply, number> = { succeeded: 2, refused: 3, ongoing: 4, unknown: 5 };

const strayCode = (strays: Strays): number =>
  (strays.try ? 1 : 0) |
  (strays.confirm ? 2 : 0) |
  (strays.cancel ? 4 : 0) |
  (strays.action ? 8 : 0) |
  (strays.compensate ? 16 : 0);

/** What goes on outside, and what is to be told of it. */
function outsideCode({ accepted, completion }: Participant): number {
  const told = completion === null ? 0 : 1 + OP[completion.op] * 2 + (completion.reply === 'refused' ? 1 : 0);
  return (accepted === null ? 0 : 1 + OP[accepted]) + told * 8;
}

/** Replies that `branchReply` reads alike are one. */
function callCode(call: Call | null | undefined): number {
  if (!call) return 0;
  const sent = call.lateSuccessCount * 64 + OP[call.op] * 8;
  if (call.stage === 'request') return sent + 1;
  return sent + REPLY[branchReply(call.op, call.stage === 'lost' ? null : call.stage)];
}

/** Without the name of its branch, which stands with the branch. */
function heldCode(ledger: Ledger, { held }: Replica, newest: number): number {
  if (held === null) return 0;
  const { ask, base, saving } = held;
  const event = ask.event(0);
  const { type } = event;
  const what = type === 'replied' || type === 'completed' ? `${type} ${event.op} ${event.reply}` : type;
  return ledger.code(`${what} ${saving.of.head} ${base.seq === newest}`);
}

function leftCodes(left: Budget): readonly number[] {
  return [
    left.losses | (left.duplicates << 2) | (left.lateDeliveries << 4),
    left.stalls | (left.crashes << 2) | (left.refusedTries << 4),
    left.brokenAnswers | (left.retries << 2) | (left.acceptances << 4),
  ];
}
