/** Races about which branches a transaction has. */
import { begin, branch, type Kind, onlyMaker, onlyWinner } from './kind.ts';
import type { Replica } from './replica.ts';

/** Whoever decides has all branches that were registered, and no other is ever called (I6). */
const registrationAnd = (decision: 'confirm' | 'cancel'): Kind => ({
  title: `a registration and a ${decision}`,
  sides: ['the registration', `the ${decision}`],
  async race({ sides: [one, other], home, aim }) {
    const { gid } = await begin(home);
    const registered = await home.register(gid, branch('stock'));
    const answers = await aim.fire(
      () => one.register(gid, branch('money')),
      () => other[decision](gid),
    );
    return {
      gid,
      answers: [registered, ...answers],
      winner: ({ view }) => (view.branches.length > 1 ? 0 : 1),
    };
  },
});

const sameRegistration: Kind = {
  title: 'the same registration, twice on each side',
  sides: ['one client', 'the other client'],
  async race({ sides: [one, other], home, aim }) {
    const { gid } = await begin(home);
    const register = (replica: Replica) => replica.register(gid, branch('stock'));
    const answers = (
      await aim.fire(
        () => Promise.all([register(one), register(one)]),
        () => Promise.all([register(other), register(other)]),
      )
    ).flat();
    const side = onlyMaker(answers) < 2 ? 0 : 1;
    return { gid, answers: [...answers, await home.confirm(gid)], winner: () => side };
  },
};

const otherRegistration: Kind = {
  title: 'two registrations of one branchId',
  sides: ['one registration', 'the other registration'],
  async race({ arena, sides: [one, other], home, aim }) {
    const { gid } = await begin(home);
    const answers = await aim.fire(
      () => one.register(gid, branch('stock', 'one')),
      () => other.register(gid, branch('stock', 'other')),
    );
    const side = onlyWinner(answers, 'branch_differs');
    const winner = () => {
      const bodies = [...(arena.participants.workOf(gid).get('stock')?.bodies ?? [])];
      if (bodies.join() === JSON.stringify(branch('stock', side === 0 ? 'one' : 'other').payload))
        return side;
      throw new Error(`side ${side} registered the branch, and its participant was given ${bodies}`);
    };
    return { gid, answers: [...answers, await home.confirm(gid)], winner };
  },
};

export const registrations = [
  registrationAnd('confirm'),
  registrationAnd('cancel'),
  sameRegistration,
  otherRegistration,
];
