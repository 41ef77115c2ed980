/**
 * Reads the beginning of each answer on a connection before undici does, since undici ends a connection on `100 Continue` and
 * takes `HTTP/2.0 200` for a success.
 *
 * - 1xx answers are dropped: the answer comes after them. 101 is passed on, and is an error there: no upgrade was asked for.
 * - An answer of another major version than 1 ends the connection.
 * - All else is passed on as it comes, also what is no HTTP: undici has the words for it.
 */
import type { Socket } from 'node:net';

/** `HTTP/1.1 200`: as much of an answer as must have arrived. */
const STATUS_LENGTH = 12;
const MAX_INTERIM_BYTES = 16 * 1024;
const [CR, LF, ONE] = [...Buffer.from('\r\n1')];

export class AnswerHeads {
  readonly #socket: Socket;
  #isAwaited = true;
  /** What arrived, where it is too little to judge by. */
  #held: Buffer | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    const read = socket.read.bind(socket);
    socket.read = (size?: number) => {
      let chunk = read(size);
      while (chunk !== null && this.#isAwaited) {
        const passed = this.#judged(chunk);
        if (passed !== null) return passed;
        chunk = read(size);
      }
      return chunk;
    };
  }

  /** A call is sent: what comes next is the beginning of its answer. */
  awaitNext(): void {
    this.#isAwaited = true;
  }

  /** What undici is to read; null for nothing yet. */
  #judged(chunk: Buffer): Buffer | null {
    let bytes = this.#held === null ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = null;
    for (;;) {
      bytes = withoutBlankLines(bytes);
      if (!'HTTP/'.startsWith(bytes.toString('latin1', 0, 5))) return this.#pass(bytes);
      if (bytes.length < STATUS_LENGTH) return this.#hold(bytes);
      if (bytes[5] !== ONE)
        return this.#refuse(`the answer is ${bytes.toString('latin1', 0, 8)}, not HTTP/1.1`);
      if (bytes[9] !== ONE || bytes.toString('latin1', 9, 12) === '101') return this.#pass(bytes);
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return this.#hold(bytes);
      bytes = bytes.subarray(end + 4);
    }
  }

  #pass(bytes: Buffer): Buffer {
    this.#isAwaited = false;
    return bytes;
  }

  #hold(bytes: Buffer): null {
    if (bytes.length > MAX_INTERIM_BYTES) return this.#refuse('the headers before the answer are too long');
    this.#held = bytes;
    return null;
  }

  #refuse(words: string): null {
    this.#socket.destroy(new Error(words));
    return null;
  }
}

/** Old servers end a body with one more line. */
function withoutBlankLines(bytes: Buffer): Buffer {
  let at = 0;
  while (bytes[at] === CR || bytes[at] === LF) at += 1;
  return at === 0 ? bytes : bytes.subarray(at);
}
