/** A real Prometheus that scrapes what a test says, each second, and evaluates the alert rules as fast. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningServer } from '../../scripts/servers/run.ts';
import type { StartOwn } from '../support/servers.ts';

export type Alert = {
  readonly state: 'pending' | 'firing';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

export type Rule = { readonly type: 'alerting' | 'recording'; readonly name: string; readonly query: string };

export class Prometheus {
  readonly #server: RunningServer;
  readonly #folder: string;

  private constructor(server: RunningServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  static async start(
    startServer: StartOwn,
    given: { readonly targets: readonly string[]; readonly rules: string },
  ): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'tercet-monitoring-'));
    writeFileSync(join(folder, 'tercet.rules.yaml'), given.rules);
    writeFileSync(join(folder, 'prometheus.yaml'), configuration(given.targets));
    const flags = [`--config.file=${join(folder, 'prometheus.yaml')}`];
    return new Prometheus(await startServer({ flags }), folder);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async seriesCount(expression: string): Promise<number> {
    const { result } = await this.#ask<{ result: readonly unknown[] }>('query', { query: expression });
    return result.length;
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.#ask<{ alerts: readonly Alert[] }>('alerts')).alerts;
  }

  /** Their expressions in Prometheus' own notation. */
  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#ask<{ groups: readonly { rules: readonly Rule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async #ask<Answer>(path: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const answer = await fetch(`${this.#server.url}/api/v1/${path}?${new URLSearchParams(query)}`);
    const { data, error } = (await answer.json()) as { data: Answer; error?: string };
    if (error !== undefined) throw new Error(`Prometheus: ${error} (${JSON.stringify(query)})`);
    return data;
  }
}

const configuration = (targets: readonly string[]): string => `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [tercet.rules.yaml]
scrape_configs:
  - job_name: tercet
    static_configs: [{ targets: ${JSON.stringify(targets)} }]
`;
