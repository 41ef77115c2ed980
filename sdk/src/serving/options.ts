/** Options that participants and listeners have in common: the secrets of signed calls, and the handler of errors. */
import { checkSecret } from '../../../src/wire/signature.ts';

/**
 * Null where calls need not be signed.
 * @throws TypeError, which does not show the secrets. An empty list is refused too: it would look like protection
 */
export function checkedSecrets(
  name: string,
  secrets: readonly string[] | undefined,
): readonly string[] | null {
  if (secrets === undefined) return null;
  if (secrets.length === 0)
    throw new TypeError(`${name} has an empty list of secrets: give at least one, or leave secrets out`);
  const fault = secrets.map(checkSecret).find((words) => words !== null);
  if (fault !== undefined) throw new TypeError(`a secret of ${name} is wrong: ${fault}`);
  return [...secrets];
}

type Report<About, Reported = unknown> = (error: Reported, about: About) => void;

/**
 * The call is answered also when the handler of its error fails, synchronously or later: then both errors are logged.
 * The handler is not awaited.
 */
export const reporting =
  <About, Reported = unknown>(
    tell: (error: Reported, about: About) => void | Promise<void>,
    log: Report<About>,
  ): Report<About, Reported> =>
  (error, about) => {
    const failed = (failure: unknown) => {
      log(error, about);
      log(failure, about);
    };
    try {
      Promise.resolve(tell(error, about)).catch(failed);
    } catch (failure) {
      failed(failure);
    }
  };
