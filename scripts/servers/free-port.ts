/** A port that nobody listens on. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which systems give ports to outgoing connections: else, while a server is down between kill and
// restart, any client of the machine could be given its port.
const lowest = 15_000;
const highest = 32_000;
const attemptLimit = 50;

export async function freePort(host: string): Promise<number> {
  for (let attempt = 0; attempt < attemptLimit; attempt += 1) {
    const port = randomInt(lowest, highest);
    if (await isFree(host, port)) return port;
  }
  throw new Error(`no free port between ${lowest} and ${highest} in ${attemptLimit} attempts`);
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const listener = createServer();
    listener.once('error', () => resolve(false));
    listener.listen(port, host, () => listener.close(() => resolve(true)));
  });
}
