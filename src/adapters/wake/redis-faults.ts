/** What is wrong with Redis, in one sentence for `/readyz` and the log. Its own messages name users and keys; these do not. */

/** Redis itself said no: out of memory, read-only, not permitted. */
export const isRefusal = (error: unknown): error is RefusedError =>
  error instanceof Error && error.name === 'ReplyError';

export type RefusedError = Error & { readonly command?: { readonly name: string } };

/** The first that fits counts. A script passes on what was said to one of its commands, with words around it. */
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [
    /No permissions to access a key|permissions to access one of the keys/,
    'the Redis user has no right to the keys of the prefix',
  ],
  [/\bNOPERM\b|ACL failure/, 'the Redis user lacks a right'],
  [/\bOOM\b/, 'Redis is full (OOM): raise its maxmemory, or remove keys of others'],
  [
    /\bWRONGPASS\b|invalid password/,
    'Redis refuses the user or the password (WRONGPASS): correct TERCET_REDIS_URL',
  ],
  [/\bNOAUTH\b/, 'Redis requires a password (NOAUTH): add it to TERCET_REDIS_URL'],
  [
    /\bCROSSSLOT\b|\bMOVED\b|not allowed in cluster mode/,
    'Redis is a cluster (CROSSSLOT): TERCET_REDIS_URL must begin with redis+cluster:// or rediss+cluster://',
  ],
  [/cluster support disabled/, 'Redis is no cluster: TERCET_REDIS_URL must begin with redis:// or rediss://'],
  [/\bCLUSTERDOWN\b/, 'the Redis cluster is down (CLUSTERDOWN)'],
  [/DB index is out of range/, 'Redis has no database of this number: correct TERCET_REDIS_URL'],
  [/\bREADONLY\b/, 'Redis is a read-only replica (READONLY)'],
  [/\bLOADING\b/, 'Redis is loading its data (LOADING)'],
  [/certificate|altname/i, 'the TLS certificate of Redis cannot be verified'],
];

/** Found by an inspection; its message is the sentence. */
export class RedisFault extends Error {}

const LACKS = 'the Redis user has no right to run ';

export const missingRights = (commands: readonly string[]): RedisFault =>
  new RedisFault(`${LACKS}${commands.map((command) => command.toUpperCase()).join(', ')}`);

export function redisFault(error: unknown): string {
  if (error instanceof Error && 'lastNodeError' in error && error.lastNodeError)
    return redisFault(error.lastNodeError);
  const { message } = error as Error;
  if (error instanceof RedisFault) return message;
  const command = /permissions to run the '([^']+)' command/.exec(message)?.[1];
  if (command !== undefined) return missingRights([command]).message;
  const sentence = SENTENCES.find(([pattern]) => pattern.test(message))?.[1];
  if (sentence !== undefined) return sentence;
  const code = isRefusal(error) ? /^[A-Z]+/.exec(message)?.[0] : undefined;
  return code === undefined ? 'Redis cannot be reached' : `Redis refuses commands (${code})`;
}
