/**
 * What a transaction has by name, and an error for every other name: in plain JavaScript a misspelt participant
 * would only be `undefined`, and the words of the engine for that do not say what there is.
 */

/** Asked for by whoever awaits, prints or compares a value: that it is not there is the answer. */
const ASKED_BY_OTHERS: readonly string[] = ['then', 'toJSON', 'asymmetricMatch', '$$typeof', 'nodeType'];

/**
 * The members, as they are.
 * @param path how the program writes it, such as `tx.inventory`
 * @param names what there is to be called
 * @returns what throws a TypeError when anything else is read of it
 */
export const thereIs = <Members extends object>(
  path: string,
  members: Members,
  names: readonly string[],
): Members =>
  new Proxy(members, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target || ASKED_BY_OTHERS.includes(name))
        return Reflect.get(target, name);
      throw new TypeError(`${path} has no “${name}”: it has ${names.join(', ') || 'nothing'}`);
    },
  });
