/**
 * Asks the database through TypeORM, within a time limit. A connection that does not answer in time is destroyed: after
 * a silent failover it never would, and a pool full of such connections would hold up everything that reads.
 */
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { StoreUnavailable } from '../../application/ports.ts';

const LIMIT_MS = 5000;

/** @throws StoreUnavailable when no answer came in time, or an error did */
export async function ask<T>(
  dataSource: DataSource,
  question: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${LIMIT_MS} ms`));
      destroy(runner);
    }, LIMIT_MS);
  });
  try {
    const answer = await Promise.race([question(runner.manager), silence]);
    await runner.release();
    return answer;
  } catch (error) {
    // After silence the connection is gone; it is not waited for.
    void runner.release().catch(() => {});
    throw new StoreUnavailable(`the database could not answer: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** SQLite has one connection, in this process, and answers at once: there is nothing to destroy. */
function destroy(runner: QueryRunner): void {
  runner.connect().then(
    (connection: { destroy?: () => void }) => connection.destroy?.(),
    () => {},
  );
}
