/** Two coordinators, each a process of its own, on one database: where all races run. */
import { setTimeout as pause } from 'node:timers/promises';
import type * as wire from '@tercet/sdk/wire';
import { migrate } from '../../../src/adapters/sql/data-source.ts';
import { openStore } from '../../../src/adapters/sql/open-store.ts';
import { CoordinatorProcess, isErrorLine } from '../../support/coordinator-process.ts';
import { withReadRetries } from '../../support/read-retries.ts';
import type { SharedServer } from '../../support/servers.ts';
import { PARTICIPANT, Participants } from './participants.ts';
import { ReplicaClient } from './replica-client.ts';

const COMMIT_TIMEOUT_MS = 3000;
/** Bounds a hang. */
const ENDS_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 10;

const settings = {
  TERCET_PORT: '0',
  TERCET_COMMIT_TIMEOUT_MS: String(COMMIT_TIMEOUT_MS),
  TERCET_SWEEP_INTERVAL_MS: '250',
  // On a slow machine no call is to be given up.
  TERCET_CALL_TIMEOUT_MS: '15000',
  // The participant is given no rest for one that is ill, or all others would wait.
  TERCET_RETRY_FIRST_DELAY_MS: '1',
  TERCET_RETRY_MAX_DELAY_MS: '2',
  TERCET_CIRCUIT_FAILURE_COUNT: '10000',
  // Polls come while others decide.
  TERCET_POLL_FIRST_DELAY_MS: '20',
  TERCET_POLL_MAX_DELAY_MS: '40',
};

/** A transaction that has ended, as both replicas tell it. */
export type End = {
  readonly view: wire.TransactionView;
  readonly events: readonly wire.EventView[];
};

export type ReplicaPair = Awaited<ReturnType<typeof openReplicaPair>>;

export async function openReplicaPair(server: SharedServer) {
  const databaseUrl = await server.createDatabase();
  const opened = await openStore(databaseUrl, COMMIT_TIMEOUT_MS);
  const sql = { ...opened, store: withReadRetries(opened.store) };
  await migrate(sql.dataSource);
  const participants = new Participants();
  await participants.listen();
  const ours = { ...settings, TERCET_DATABASE_URL: databaseUrl };
  const processes = [new CoordinatorProcess(ours), new CoordinatorProcess(ours)] as const;
  const replicas: readonly [ReplicaClient, ReplicaClient] = [
    new ReplicaClient(processes[0]),
    new ReplicaClient(processes[1]),
  ];
  const seen = new Set<string>();
  let errorCount = 0;
  const writers = new Map<ReplicaClient, string>();
  /** By thread of the server, as last seen: the count of a connection ends with it. */
  const lostSaves = new Map<number, number>();

  return {
    sql,
    participants,
    replicas,

    /** Starts both, and learns how journal rows name them. */
    async start(): Promise<void> {
      await Promise.all(processes.map((coordinator) => coordinator.start()));
      await replicas[0].putParticipant(PARTICIPANT, participants.baseUrl);
      for (const replica of replicas) {
        const { body } = await replica.begin({});
        const { gid } = body as wire.TransactionView;
        await replica.cancel(gid);
        const [begun] = (await this.endOf(gid)).events;
        writers.set(replica, begun?.writer ?? '');
      }
    },

    /** As journal rows name it. */
    writerOf: (replica: ReplicaClient): string | undefined => writers.get(replica),

    /** Answers when both replicas say that it has ended, and say the same: a late reply may come between what they say. */
    async endOf(gid: string): Promise<End> {
      seen.add(gid);
      const toldBy = async (replica: ReplicaClient): Promise<End> => {
        const view = await replica.read(gid);
        return { view, events: await replica.eventsOf(gid) };
      };
      let end: End = await toldBy(replicas[0]);
      await until(`both replicas tell the same end of ${gid}`, async () => {
        const other = await toldBy(replicas[1]);
        if (end.view.finishedAt !== null && JSON.stringify(end) === JSON.stringify(other)) return true;
        end = await toldBy(replicas[0]);
        return false;
      });
      return end;
    },

    /**
     * Saves of these two replicas that another save was before, by the server's own count of refused rows; several in one
     * batch count once. Their connections alone: other users of the server have other databases.
     */
    async lostSaveCount(): Promise<number> {
      const rows: { id: number; count: number }[] = await sql.dataSource.query(
        `SELECT thread_id AS id, sum_error_raised AS count
         FROM performance_schema.events_errors_summary_by_thread_by_error
         JOIN performance_schema.threads USING (thread_id)
         WHERE processlist_db = DATABASE() AND error_name = 'ER_DUP_ENTRY'`,
      );
      for (const { id, count } of rows) lostSaves.set(Number(id), Number(count));
      return [...lostSaves.values()].reduce((sum, count) => sum + count, 0);
    },

    /**
     * What must never happen, since the last call: contradictory calls, errors in the logs, transactions that no
     * client was told of.
     */
    async violations(): Promise<readonly string[]> {
      const rows: { gid: string }[] = await sql.dataSource.query('SELECT DISTINCT gid FROM journal');
      const strays = rows.map(({ gid }) => gid).filter((gid) => !seen.has(gid));
      for (const gid of strays) seen.add(gid);
      const lines = processes.flatMap(({ printed }) => printed.split('\n'));
      const errors = lines.filter(isErrorLine);
      const newErrors = errors.slice(errorCount);
      errorCount = errors.length;
      return [...participants.faults.splice(0), ...newErrors, ...strays.map((gid) => `nobody knows ${gid}`)];
    },

    async close(): Promise<void> {
      await Promise.all(replicas.map((replica) => replica.close()));
      await Promise.all(processes.map((coordinator) => coordinator.remove()));
      await participants.close();
      await sql.close();
    },
  };
}

export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const endsAt = Date.now() + ENDS_WITHIN_MS;
  while (!(await isTrue())) {
    if (Date.now() > endsAt) throw new Error(`waited ${ENDS_WITHIN_MS} ms in vain until ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}
