/** Checks of a race: each answer to a client agrees with how its transaction ended. */
import { expect } from '@jest/globals';
import type * as wire from '@tercet/sdk/wire';
import { rebuild } from '../../../src/application/journal.ts';
import { type End, type ReplicaPair, until } from './replica-pair.ts';
import type { Answer, Verb } from './replica-client.ts';

const deadlinePassed = { status: 'cancelled', decision: { reason: 'deadline_passed' } };

/** What each refusal says of the end; one that a verb cannot be answered with is not in its list. */
const REJECTIONS: Readonly<Record<Verb, Readonly<Record<string, object>>>> = {
  begin: { transaction_differs: {} },
  register: {
    branch_differs: {},
    decided_confirm: { status: 'confirmed' },
    decided_cancel: { status: 'cancelled' },
    deadline_passed: deadlinePassed,
  },
  confirm: {
    decided_cancel: { status: 'cancelled' },
    deadline_passed: deadlinePassed,
  },
  cancel: { decided_confirm: { status: 'confirmed' } },
  retry: { nothing_to_retry: {} },
  complete: { op_not_open: { status: 'cancelled' } },
};

/** I3: what was answered is what later readers find. */
export function expectAnswerHolds(answer: Answer, { view }: End): void {
  if (answer.status >= 300) expectRefusalHolds(answer, answer.body as wire.ProblemDocument, view);
  else if (answer.asked.verb === 'complete') expectCompletionHolds(answer, view);
  else expectViewHolds(answer, answer.body as wire.TransactionView, view);
}

/** The try has succeeded, and decides; or a cancel came first, and a poll has found the record meanwhile. */
function expectCompletionHolds({ asked, status, body }: Answer, end: wire.TransactionView): void {
  const { gid } = end;
  expect({ asked, status, body }).toMatchObject({
    status: 200,
    body: { gid, op: 'try', reply: 'succeeded' },
  });
  const told = (body as wire.CompletionView).status;
  const wayTo = { confirming: 'confirmed', cancelling: 'cancelled', trying: 'none: it has decided' };
  const ends = told in wayTo ? wayTo[told as keyof typeof wayTo] : told;
  const { try: tried } = end.branches.find(({ branchId }) => branchId === asked.branchId) ?? {};
  expect({ asked, end: end.status, tried: tried?.reply }).toEqual({ asked, end: ends, tried: 'succeeded' });
}

function expectRefusalHolds(
  { asked, status }: Answer,
  problem: wire.ProblemDocument,
  end: wire.TransactionView,
) {
  const said = { asked, status, code: problem.code };
  expect({ ...said, end }).toMatchObject({
    asked,
    status: 409,
    code: expect.any(String),
    end: REJECTIONS[asked.verb][problem.code] ?? `${problem.code} is no answer to a ${asked.verb}`,
  });
  // A request for the opposite of a decision is answered with the decision.
  const named = /^decided_(.*)/.exec(problem.code)?.[1];
  expect({ ...said, decision: problem.decision }).toEqual({ ...said, decision: named });
  const isRegistered = end.branches.some(({ branchId }) => branchId === asked.branchId);
  if (asked.verb === 'register')
    expect({ ...said, isRegistered }).toEqual({ ...said, isRegistered: problem.code === 'branch_differs' });
}

function expectViewHolds({ asked, status }: Answer, told: wire.TransactionView, end: wire.TransactionView) {
  const { gid, mode, name, beganAt, deadlineAt, decision, finishedAt } = told;
  const { verb, branchId } = asked;
  expect({ asked, status, end }).toMatchObject({
    asked,
    status: expect.any(Number),
    end: {
      gid,
      mode,
      name,
      beganAt,
      deadlineAt,
      ...(decision !== null && { decision }),
      ...(verb === 'confirm' && { status: 'confirmed', decision: told.decision ?? 'none was told' }),
      ...(verb === 'cancel' && { status: 'cancelled', decision: told.decision ?? 'none was told' }),
    },
  });
  // A late success is added to what had ended.
  const isLate = end.branches.some((each) => end.status === 'cancelled' && each.try?.reply === 'succeeded');
  if (finishedAt !== null && !isLate) expect({ asked, told }).toEqual({ asked, told: end });
  const idsOf = ({ branches }: wire.TransactionView) => branches.map((branch) => branch.branchId);
  expect({ asked, ids: idsOf(end).slice(0, told.branches.length) }).toEqual({ asked, ids: idsOf(told) });
  if (branchId !== undefined) expect(idsOf(told)).toContain(branchId);
}

/** One journal (I12), one decision in it (I2), and a confirm in time (I13). */
export async function expectOneJournal({ sql }: ReplicaPair, { view, events }: End): Promise<void> {
  const { gid, status, decision, deadlineAt } = view;
  expect({ gid, seqs: events.map(({ seq }) => seq) }).toEqual({ gid, seqs: events.map((_, at) => at + 1) });
  const changes = events.flatMap((event) => event.changes.transaction ?? []);
  expect({ gid, decisions: changes.flatMap((change) => change.decision ?? []) }).toEqual({
    gid,
    decisions: [decision],
  });
  const [going, gone] =
    decision?.decision === 'confirm' ? ['confirming', 'confirmed'] : ['cancelling', 'cancelled'];
  // Without a branch there is no call to make: it ends with its decision.
  const way = view.branches.length > 0 ? ['trying', going, gone] : ['trying', gone];
  expect({ gid, way: changes.flatMap((change) => change.status ?? []) }).toEqual({ gid, way });
  expect(status).toBe(gone);
  if (decision?.decision === 'confirm')
    expect({ gid, isInTime: decision.decidedAt < deadlineAt }).toEqual({ gid, isInTime: true });
  // Two reads; a row of a late reply may come between them.
  const read = () => Promise.all([sql.store.load(gid), sql.store.journalOf(gid)]);
  let [saved, rows] = await read();
  await until(`${gid} is read with all its rows`, async () => {
    if (saved?.seq !== rows.length) [saved, rows] = await read();
    return saved?.seq === rows.length;
  });
  const branches = saved?.tx.branches.map((branch) => ({ ...branch, payload: '' }));
  expect(rebuild(gid, rows)).toEqual({ ...saved?.tx, branches });
}

/** I5, I6 and I8: each branch of the end, and no other, went the same way at its participant, once, with one body. */
export function expectSameAtParticipants({ participants }: ReplicaPair, { view }: End): void {
  const { gid, mode, branches } = view;
  const op = view.decision?.decision;
  const isTried = (branchId: string) =>
    mode === 'declared' && !(op === 'cancel' && participants.workOf(gid).get(branchId)?.isCutShort);
  const work = [...participants.workOf(gid)].map(([branchId, done]) => ({
    branchId,
    effects: done.effects,
    bodyCount: done.bodies.size,
  }));
  work.sort((one, other) => (one.branchId < other.branchId ? -1 : 1));
  const expected = branches.map(({ branchId }) => ({
    branchId,
    effects: isTried(branchId) ? ['try', op] : [op],
    bodyCount: 1,
  }));
  expected.sort((one, other) => (one.branchId < other.branchId ? -1 : 1));
  expect({ gid, work }).toEqual({ gid, work: expected });
}
