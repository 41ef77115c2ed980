/**
 * Where an HTTP/1.1 message ends, for the two ends of the benchmark: the load and the participants.
 *
 * Both share the machine with what is measured, so each is as cheap as can be: whole messages as text, framed by their
 * content-length, no parser and no objects. That is enough for peers which are known and send one message at a time; it is
 * no HTTP implementation.
 */

/** The length of the message that begins the text, in bytes; Infinity while its headers are not complete. */
export function messageLength(text: string): number {
  const headerEnd = text.indexOf('\r\n\r\n');
  if (headerEnd < 0) return Number.POSITIVE_INFINITY;
  const length = CONTENT_LENGTH.exec(text)?.[1];
  return headerEnd + 4 + Number(length ?? 0);
}

const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/** Calls `answer` with each whole message that arrives. Text is latin1: one character for each byte. */
export function eachMessage(answer: (message: string) => void): (chunk: Buffer) => void {
  let received = '';
  return (chunk) => {
    received += chunk.toString('latin1');
    for (let length = messageLength(received); length <= received.length; length = messageLength(received)) {
      const message = received.slice(0, length);
      received = received.slice(length);
      answer(message);
    }
  };
}
