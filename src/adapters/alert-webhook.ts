/**
 * The alert webhook: posts alerts to one URL, signed by Standard Webhooks. Any 2xx accepts them.
 *
 * A post carries what an operator may see of a transaction: no payload, result, business key or secret.
 */
import type { AlertPost } from '../wire/index.ts';
import { signed } from '../wire/signature.ts';
import { Agent } from 'undici';
import type { AlertNotice, AlertSender } from '../application/alerts.ts';
import { type GlobalTransaction, type Instant, waitingSince } from '../domain/index.ts';

const TIMEOUT_MS = 10_000;

export type AlertWebhookParts = {
  readonly url: string;
  /** Two at most, for rotation: each signs. */
  readonly secrets: readonly string[];
  readonly userAgent: string;
  readonly now: () => Instant;
  readonly traceUrlOf: (tx: GlobalTransaction) => string | null;
};

export class AlertWebhook implements AlertSender {
  readonly #given: AlertWebhookParts;
  readonly #agent = new Agent({ connections: 1 });

  constructor(given: AlertWebhookParts) {
    this.#given = given;
  }

  async send(batchId: string, notices: readonly AlertNotice[]): Promise<void> {
    const { url, secrets, userAgent, now } = this.#given;
    const at = new Date(now());
    const body = JSON.stringify(this.#postOf(notices, at));
    const { origin, pathname, search } = new URL(url);
    const { statusCode, body: answer } = await this.#agent.request({
      origin,
      path: `${pathname}${search}`,
      method: 'POST',
      body,
      headers: {
        'user-agent': userAgent,
        'content-type': 'application/json',
        ...signed({ id: batchId, body, secrets, now: at }),
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    // Only the status counts: what it says would be logged, and it may say anything.
    await answer.dump();
    if (statusCode < 200 || statusCode > 299)
      throw new Error(`the receiver of TERCET_ALERT_WEBHOOK_URL answered ${statusCode}`);
  }

  #postOf(notices: readonly AlertNotice[], at: Date): AlertPost {
    const { traceUrlOf } = this.#given;
    const alerts = notices.map(({ alert, tx, explanation }) => ({
      cause: alert.cause,
      raisedAt: iso(alert.raisedAt),
      gid: tx.gid,
      name: tx.name,
      status: tx.status,
      waitingSince: isoOrNull(waitingSince(tx)),
      explanation,
      traceUrl: traceUrlOf(tx),
    }));
    return { type: 'tercet.alerts', timestamp: at.toISOString(), data: { alerts } };
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

const iso = (at: Instant): string => new Date(at).toISOString();
const isoOrNull = (at: Instant | null): string | null => (at === null ? null : iso(at));
