/**
 * The alerts on a real Prometheus that scrapes a real coordinator: each fires by a real fault and resolves after it. The
 * rules are sixty times faster than in production, and otherwise the same.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { evaluable, panelExpressions } from '../../monitoring/dashboards/expressions.ts';
import { openDataSource } from '../../src/adapters/sql/data-source.ts';
import { describeOn, describeOwn } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { cutOff, Deployment } from './deployment.ts';
import { faster } from './faster.ts';
import { leftSides } from './left-sides.ts';
import { type Alert, Prometheus, type Rule } from './prometheus.ts';
import { alertRules, rulesText } from './rules.ts';

/** Bounds a hang. */
const LIMIT_MS = 600_000;
/** Longer than the bucket of the objective, sixty times faster: 1 s. */
const SLOW = { status: 200, afterMs: 1500 };

await describeOwn('prometheus', 'on a real Prometheus', (startPrometheus) => {
  describeOn(['mysql'], 'and a database of its own', (mysql) => {
    describeOn(['redis'], 'with a wake-up queue', (redis) => {
      let deployment: Deployment;
      let prometheus: Prometheus;
      const fired = new Set<string>();
      let awayGid = '';

      beforeAll(async () => {
        deployment = await Deployment.start(mysql, redis);
        const { participants } = deployment;
        participants.set('sold-out', { try: { status: 409 } });
        participants.set('slow', { confirm: SLOW });
        participants.set('away', { confirm: { status: 503 } });
        for (const name of ['failing', 'poisoned']) participants.set(name, { cancel: { status: 500 } });
        participants.set('broken', { try: { status: 500 } });
        participants.set('approving', { try: { status: 202 } });
        await deployment.register(
          'stock',
          'sold-out',
          'slow',
          'away',
          'failing',
          'poisoned',
          'broken',
          'approving',
        );
        prometheus = await Prometheus.start(startPrometheus, {
          targets: [deployment.target],
          rules: faster(rulesText),
        });
        deployment.startTraffic([['stock'], ['stock', 'sold-out'], ['stock', 'slow']]);
        awayGid = await deployment.begin(['stock', 'away']);
        await deployment.begin(['failing', 'sold-out']);
        await deployment.begin(['poisoned', 'sold-out'], {
          retry: { firstDelayMs: 1, maxDelayMs: 1, budgetMs: 1 },
        });
        await deployment.begin(['broken'], { timeoutMs: LIMIT_MS });
        const approval = await deployment.begin(['approving'], { timeoutMs: LIMIT_MS });
        const completion = { op: 'try', reply: 'succeeded' };
        await deployment.ask('POST', `/v1/transactions/${approval}/branches/approving/complete`, completion);
      }, LIMIT_MS);
      afterAll(async () => {
        await prometheus?.stop();
        await deployment?.stop();
      });

      async function firing(name: string): Promise<readonly Alert[]> {
        const alerts = await prometheus.alerts();
        return alerts.filter(({ labels, state }) => labels.alertname === name && state === 'firing');
      }

      async function fires(name: string): Promise<void> {
        await until(`${name} fires`, async () => (await firing(name)).length > 0);
        fired.add(name);
      }

      const resolves = (name: string) =>
        until(`${name} resolves`, async () => (await firing(name)).length === 0);

      const all = (act: (name: string) => Promise<void>, ...names: readonly string[]) =>
        Promise.all(names.map(act));

      test(
        'those on transactions and participants fire, and say which participant it is',
        async () => {
          await all(fires, 'TercetNeedsAttention', 'TercetParked', 'TercetSloFastBurn', 'TercetSloSlowBurn');
          await all(fires, 'TercetCircuitOpen', 'TercetCompensationFailing', 'TercetTriesFailing');
          const participantsOf = async (name: string) =>
            (await firing(name)).map(({ labels }) => labels.participant);
          expect(await participantsOf('TercetCircuitOpen')).toEqual(['away']);
          expect(await participantsOf('TercetCompensationFailing')).toContain('failing');
          expect(await participantsOf('TercetTriesFailing')).toEqual(['broken']);
          const alerts = (await prometheus.alerts()).filter(({ state }) => state === 'firing');
          for (const { annotations } of alerts) {
            expect(annotations.runbook_url).toMatch(/^docs\/runbooks\.md#tercet\w+$/);
            expect(JSON.stringify(annotations)).not.toMatch(/error expanding|<no value>/);
          }
        },
        LIMIT_MS,
      );

      test(
        'TercetSweepLag fires while a row that is overdue is locked by someone else',
        async () => {
          const dataSource = await openDataSource(deployment.databaseUrl);
          const runner = dataSource.createQueryRunner();
          await runner.startTransaction();
          await runner.query('SELECT gid FROM global_transaction WHERE gid = ? FOR UPDATE', [awayGid]);
          await fires('TercetSweepLag');
          await runner.rollbackTransaction();
          await runner.release();
          await dataSource.destroy();
          await resolves('TercetSweepLag');
        },
        LIMIT_MS,
      );

      test(
        'TercetQuarantined fires while the rows of a transaction do not add up',
        async () => {
          const dataSource = await openDataSource(deployment.databaseUrl);
          const setPolicy = (value: string) =>
            dataSource.query(`UPDATE global_transaction SET policy = ${value} WHERE gid = ?`, [awayGid]);
          await setPolicy("CONCAT('{', policy)");
          await deployment.ask('GET', `/v1/transactions/${awayGid}`);
          await fires('TercetQuarantined');
          await setPolicy('SUBSTRING(policy, 2)');
          await deployment.ask('POST', `/v1/transactions/${awayGid}/release`);
          await dataSource.destroy();
          await resolves('TercetQuarantined');
        },
        LIMIT_MS,
      );

      test(
        'TercetRedisAway fires until Redis is back',
        async () => {
          await cutOff(deployment.redis);
          await fires('TercetRedisAway');
          await deployment.redis.accept();
          await resolves('TercetRedisAway');
        },
        LIMIT_MS,
      );

      test(
        'those on a participant that was slow, away or broken resolve when it is well',
        async () => {
          for (const name of ['slow', 'away', 'broken']) deployment.participants.set(name, {});
          await all(resolves, 'TercetSloFastBurn', 'TercetCircuitOpen', 'TercetTriesFailing');
        },
        LIMIT_MS,
      );

      test(
        'TercetDatabaseAway fires until the database is back',
        async () => {
          await cutOff(deployment.mysql);
          await fires('TercetDatabaseAway');
          await deployment.mysql.accept();
          await resolves('TercetDatabaseAway');
        },
        LIMIT_MS,
      );

      test(
        'each comparison of an alert has something to compare, and each panel of a dashboard something to show',
        async () => {
          const rules = await prometheus.rules();
          const compared = rules.filter(isAlerting).flatMap(({ query }) => leftSides(query));
          expect(compared.length).toBeGreaterThanOrEqual(alertRules.length);
          const recorded = rules.filter((rule) => !isAlerting(rule)).map(({ query }) => query);
          const shown = panelExpressions.map(({ expr }) => evaluable(expr, { rateInterval: '5s' }));
          for (const expression of [...compared, ...recorded, ...shown])
            await until(
              `there is: ${expression}`,
              async () => (await prometheus.seriesCount(expression)) > 0,
            );
        },
        LIMIT_MS,
      );

      test(
        'TercetDown and TercetReplicaDown fire until the coordinator is started again',
        async () => {
          await deployment.coordinator.kill();
          await all(fires, 'TercetDown', 'TercetReplicaDown');
          await deployment.coordinator.start();
          await all(resolves, 'TercetDown', 'TercetReplicaDown');
        },
        LIMIT_MS,
      );

      test(
        'those on transactions resolve when participants are well and an operator has retried',
        async () => {
          await fires('TercetOldestUnfinished');
          for (const name of ['failing', 'poisoned']) {
            deployment.participants.set(name, {});
            await deployment.ask('POST', `/v1/participants/${name}/retry`);
          }
          await all(resolves, 'TercetNeedsAttention', 'TercetParked', 'TercetOldestUnfinished');
          await resolves('TercetCompensationFailing');
        },
        LIMIT_MS,
      );

      test(
        'TercetLostCommits fires until the replica is started again on what is left',
        async () => {
          await deployment.stopTraffic();
          await cutOff(deployment.mysql);
          const dataSource = await openDataSource(deployment.databaseUrl);
          // What a failover to a replica that was behind looks like from here.
          for (const table of ['journal', 'branch', 'global_transaction'])
            await dataSource.query(`DELETE FROM ${table}`);
          await dataSource.destroy();
          await deployment.mysql.accept();
          await until('the replica writes', async () => {
            await deployment.begin(['stock']);
            return (await firing('TercetLostCommits')).length > 0;
          });
          await fires('TercetLostCommits');
          await deployment.coordinator.kill();
          await deployment.coordinator.start();
          await resolves('TercetLostCommits');
        },
        LIMIT_MS,
      );

      test('all of them have fired', () => {
        expect([...fired].sort()).toEqual(alertRules.map(({ name }) => name).sort());
      });
    });
  });
});

const isAlerting = ({ type }: Rule): boolean => type === 'alerting';
