// docs/helm.md on this machine: the chart's containers are run as processes, on a real MySQL with the two users of the page.
// The migration, then two replicas, then the pod of `helm test`, and a stop as Kubernetes does it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { freePort } from '../../scripts/servers/free-port.ts';
import { CoordinatorProcess } from '../support/coordinator-process.ts';
import { describeOn } from '../support/servers.ts';
import type { Container, Objects, PodSpec } from './chart.ts';
import { variablesOf } from './pod-files.ts';
import { describeWithHelm } from './with-helm.ts';

const repository = join(import.meta.dirname, '../..');
const TOKENS = 'a-token-of-the-chart, another-valid-token';
/** Bounds a hang. */
const LIMIT_MS = 480_000;

/** The page's statements, for this database and users of its own. */
function statementsFor(database: string): readonly string[] {
  const page = readFileSync(join(repository, 'docs/helm.md'), 'utf8');
  const [, block = ''] = /^```sql\n(.*?)^```$/ms.exec(page) ?? [];
  return block
    .replaceAll("'tercet'@", `'${database}'@`)
    .replaceAll("'tercet_migration'@", `'${database}_m'@`)
    .replaceAll('tercet.*', `${database}.*`)
    .split(';\n')
    .filter((statement) => statement.trim() !== '' && !statement.startsWith('CREATE DATABASE'));
}

await describeWithHelm('the way from the chart to a transaction', (chart) => {
  describeOn(['mysql'], 'on a real server', (server) => {
    const folder = mkdtempSync(join(tmpdir(), 'tercet-journey-'));
    let objects: Objects;
    let runningUrl = '';
    let migratingUrl = '';
    const replicas: CoordinatorProcess[] = [];

    beforeAll(async () => {
      const url = new URL(await server.createDatabase());
      const database = url.pathname.slice(1);
      const connection = await createConnection({ uri: url.href });
      for (const statement of statementsFor(database)) await connection.query(statement);
      await connection.end();
      [runningUrl, migratingUrl] = [
        [database, 'PASSWORD'],
        [`${database}_m`, 'MIGRATION_PASSWORD'],
      ].map(([user, password]) => `mysql://${user}:${password}@${url.host}/${database}`) as [string, string];
      objects = chart.render('default', {
        migration: { existingSecret: 'tercet-migration' },
        config: { TERCET_DRAIN_MS: 1000 },
        preStopSleepSeconds: 1,
      });
    }, LIMIT_MS);

    afterAll(async () => {
      for (const replica of replicas) await replica.remove();
      rmSync(folder, { recursive: true });
    });

    function containerOf(name: string): readonly [Container, PodSpec] {
      const [, pod] = objects.pods.find(([one]) => one === name) ?? [];
      if (pod === undefined) throw new Error(`there is no ${name}`);
      return [pod.containers[0], pod];
    }

    function environmentOf(name: string, files: Readonly<Record<string, string>>) {
      const place = mkdtempSync(join(folder, 'container-'));
      return variablesOf(...containerOf(name), { folder: place, files });
    }

    /** As the image runs a container: its entry point, and the arguments of the container. */
    async function run(args: readonly string[], env: Readonly<Record<string, string>>) {
      const child = spawn(process.execPath, args, {
        cwd: repository,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
      const [printed, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
      return { code: await exit, printed, complained };
    }

    test('the migration makes the tables, as the user that may', async () => {
      const [{ args = [] }] = containerOf('Job/tercet-migration');
      const refused = await run(args, environmentOf('Job/tercet-migration', { 'database-url': runningUrl }));
      expect(refused).toMatchObject({ code: 1, complained: expect.stringContaining('migration failed') });
      const ran = await run(args, environmentOf('Job/tercet-migration', { 'database-url': migratingUrl }));
      expect(ran).toMatchObject({ code: 0, printed: expect.stringContaining(': ran ') });
    });

    test(
      'two replicas start as the user that may not change tables',
      async () => {
        for (const _ of ['one', 'two']) {
          const env = environmentOf('Deployment/tercet', {
            'database-url': runningUrl,
            'api-tokens': TOKENS,
          });
          const port = String(await freePort('127.0.0.1'));
          const replica = new CoordinatorProcess({ ...env, TERCET_HOST: '127.0.0.1', TERCET_PORT: port });
          replicas.push(replica);
          await replica.start();
        }
        for (const { url } of replicas) expect((await fetch(`${url}/readyz`)).status).toBe(200);
      },
      LIMIT_MS,
    );

    test('the pod of helm test sees its transaction confirmed', async () => {
      const env = environmentOf('Pod/tercet-test', { 'api-tokens': TOKENS });
      expect(env.COORDINATOR_URL).toBe('http://tercet:8080');
      const script = join(folder, 'two-participants.mjs');
      writeFileSync(script, objects.one('ConfigMap/tercet-test').data?.['two-participants.mjs'] ?? '');
      const pod = { COORDINATOR_URL: replicas[0]?.url ?? '', POD_IP: '127.0.0.1', PORT: '0' };
      const { code, printed, complained } = await run([script], { ...env, ...pod });
      expect({ code, complained }).toEqual({ code: 0, complained: '' });
      expect(printed).toContain('confirmed: both participants were called for try and confirm');
    });

    test('a replica stops within its grace period, and ends well', async () => {
      const [, pod] = containerOf('Deployment/tercet');
      const beganMs = performance.now();
      expect(await replicas[1]?.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(performance.now() - beganMs).toBeLessThan(Number(pod.terminationGracePeriodSeconds) * 1000);
    });
  });
});
