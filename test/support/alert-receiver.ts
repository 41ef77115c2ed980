/** A receiver of the alert webhook over real HTTP: verifies each post as its documentation says, and keeps it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { newSecret } from '@tercet/sdk/signature';
import type { AlertPost, AlertView } from '@tercet/sdk/wire';
import { Webhook } from 'standardwebhooks';

export type ReceivedPost = {
  readonly id: string;
  readonly path: string;
  readonly body: AlertPost;
  /** Why its signature is not to be believed; null when it is. */
  readonly fault: string | null;
};

export class AlertReceiver {
  readonly secret = newSecret();
  readonly posts: ReceivedPost[] = [];
  /** What it answers. */
  status = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      this.posts.push(this.#read(request, await text(request)));
      response.writeHead(this.status, this.status === 301 ? { location: this.url } : {}).end();
    });
  }

  static async start(): Promise<AlertReceiver> {
    const receiver = new AlertReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #read({ url = '', headers }: IncomingMessage, body: string): ReceivedPost {
    const read = { id: String(headers['webhook-id']), path: url, body: JSON.parse(body) };
    try {
      new Webhook(this.secret).verify(body, headers as Record<string, string>);
      return { ...read, fault: null };
    } catch (error) {
      return { ...read, fault: (error as Error).message };
    }
  }

  /** Of all posts, in their order. */
  alerts(): AlertView[] {
    return this.posts.flatMap(({ body }) => body.data.alerts);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
