/**
 * A listener: is notified when transactions end, also those that no caller waits for any more.
 *
 *   const listener = defineListener('orders', {
 *     'order-ended': async ({ gid, status, businessKey }) => {
 *       await db.query('UPDATE orders SET state = ?, gid = ? WHERE id = ?', [status, gid, businessKey]);
 *     },
 *   });
 *   app.register(fastifyParticipant(listener), { prefix: '/tcc' });
 *
 * A begin names it as `callback: { participant: 'orders', activity: 'order-ended' }`; `orders` is registered with the
 * coordinator as participants are, and may be one too: both are then mounted at one address.
 */
import { types } from 'node:util';
import { Value } from 'typebox/value';
import type { Mountable, Route } from '../serving/mountable.ts';
import { routeOf } from '../serving/route.ts';
import { errorLine } from '../../../src/wire/error-fields/fields.ts';
import { checkedSecrets, reporting } from '../serving/options.ts';
import { type EndingNotice, ParticipantName } from '../../../src/wire/index.ts';
import { answerNotice, type NoticeOptions, type OnEnding } from './answer-notice.ts';

export type ListenerOptions = {
  /**
   * Only calls that are signed with one of these are accepted: those that `orders` is registered with. Two of them
   * while the secret is changed. Absent: calls need not be signed.
   */
  readonly secrets?: readonly string[];
  /**
   * Receives everything that is answered 500 or 503, with the ending where it could be read. When absent, it is one
   * line on the standard error; and so it is when this throws or rejects. The answer does not wait for it.
   */
  readonly onError?: (error: unknown, ending: EndingNotice | null) => void | Promise<void>;
};

/** Mounted by the functions that mount participants; its routes are `POST /{activity}/notify`. */
export interface Listener extends Mountable<'notify'> {
  /** The name under which it is registered. */
  readonly name: string;
}

/**
 * Each function is called for an ending at least once, and may be called again for the same one: when it took too long,
 * when its answer was lost, or when two replicas of the coordinator call concurrently. It has to tolerate that; the
 * `gid` identifies a repetition. Its call is over when it resolves: 204. When it throws, it is called again with
 * backoff, and nothing else waits for it.
 *
 * @param name under which it is registered, one to 64 of `A-Z a-z 0-9 _ -`
 * @param activities a function for each kind of callback
 * @throws TypeError when a name is none, no function is given, one is a generator function, or a secret is none
 */
export function defineListener(
  name: string,
  activities: { readonly [activity: string]: OnEnding },
  { secrets, onError = logTo(name) }: ListenerOptions = {},
): Listener {
  checkNames(name, activities);
  const noticeOptions: NoticeOptions = {
    secrets: checkedSecrets(name, secrets),
    onError: reporting(onError, logTo(name)),
  };
  const routes = Object.keys(activities).map((activity): Route<'notify'> => ({ activity, op: 'notify' }));
  return {
    name,
    routes,
    handle: async (request) => {
      const route = routeOf({ routes }, request);
      const listen = route === null ? undefined : activities[route.activity];
      if (listen === undefined) return null;
      return answerNotice((ending) => Reflect.apply(listen, activities, [ending]), request, noticeOptions);
    },
  };
}

/** @throws TypeError */
function checkNames(name: string, activities: unknown): void {
  const all = Object.entries(activities ?? {});
  for (const word of [name, ...all.map(([activity]) => activity)]) {
    if (!Value.Check(ParticipantName, word))
      throw new TypeError(
        `“${word}” is no name for a listener or an activity: use 1 to 64 of A-Z a-z 0-9 _ -`,
      );
  }
  if (all.length === 0)
    throw new TypeError(`${name} hears nothing: give at least one function, such as order-ended`);
  const [wrong] = all.find(([, listen]) => typeof listen !== 'function') ?? [];
  if (wrong !== undefined)
    throw new TypeError(`${wrong} of ${name} is no function: give one that takes an ending`);
  const [generator] = all.find(([, listen]) => types.isGeneratorFunction(listen)) ?? [];
  if (generator !== undefined)
    throw new TypeError(
      `${generator} of ${name} is a generator function, whose body would never run: make it a plain or an async function`,
    );
}

const logTo =
  (name: string): NoticeOptions['onError'] =>
  (error, ending) =>
    console.error(`listener ${name}: ${ending?.gid ?? 'unread'}/notify: ${errorLine(error)}`);
