/**
 * An object that throws for a name that it does not have. In plain JavaScript a misspelt participant would only be
 * `undefined`, and the error of the engine for that does not say which names there are.
 */

/** Read by what awaits, prints or compares a value; undefined is the right answer. */
const OPTIONAL_NAMES: readonly string[] = ['then', 'toJSON', 'asymmetricMatch', '$$typeof', 'nodeType'];

/**
 * The members, as they are.
 * @param path how the program writes it, such as `tx.inventory`
 * @param names what there is to be called
 * @returns what throws a TypeError when anything else is read of it
 */
export const strictMembers = <Members extends object>(
  path: string,
  members: Members,
  names: readonly string[],
): Members =>
  new Proxy(members, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target || OPTIONAL_NAMES.includes(name))
        return Reflect.get(target, name);
      throw new TypeError(`${path} has no “${name}”: it has ${names.join(', ') || 'nothing'}`);
    },
  });
