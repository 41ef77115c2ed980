// Completes the call that it is given, and is killed when it is about to post.
import process from 'node:process';
import { type AcceptedCall, accepted, defineContract, defineParticipant } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';

const [, , path = '', call = ''] = process.argv;
const contract = defineContract('office', { approve: { payload: Type.Unknown() } });
const participant = defineParticipant(contract, {
  barrier: sqliteBarrier({ db: new SQLite(path) }),
  activities: { approve: { accepts: true, try: () => accepted(), confirm() {}, cancel() {} } },
  fetch: () => {
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  },
});
await participant.complete(JSON.parse(call) as AcceptedCall, { by: 'ann' });
