/** How many spans an OTLP request has, read from its protobuf encoding without decoding the spans. */

/** From the request to its spans: resource_spans, scope_spans and spans are these fields, each repeated. */
const PATH_TO_SPANS: readonly number[] = [1, 2, 2];

/** Of a field: a varint, eight bytes, a length and as many bytes, four bytes. */
const WIRE_TYPE = { varint: 0, eightBytes: 1, lengthDelimited: 2, fourBytes: 5 } as const;

/** @throws RangeError when it is not a protobuf message */
export function spanCountOf(message: Buffer, path = PATH_TO_SPANS): number {
  const [wanted, ...below] = path;
  if (wanted === undefined) return 1;
  let count = 0;
  let at = 0;
  while (at < message.length) {
    const key = varintAt(message, at);
    const value = valueAt(message, key.end, key.value & 7);
    if (key.value >>> 3 === wanted) count += spanCountOf(message.subarray(value.start, value.end), below);
    at = value.end;
  }
  return count;
}

/** Where the value of a field lies. */
function valueAt(message: Buffer, start: number, wireType: number): { start: number; end: number } {
  if (wireType === WIRE_TYPE.varint) return { start, end: varintAt(message, start).end };
  if (wireType === WIRE_TYPE.eightBytes) return { start, end: start + 8 };
  if (wireType === WIRE_TYPE.fourBytes) return { start, end: start + 4 };
  if (wireType !== WIRE_TYPE.lengthDelimited) throw new RangeError(`unknown wire type ${wireType}`);
  const length = varintAt(message, start);
  return { start: length.end, end: length.end + length.value };
}

/** Seven bits a byte, the lowest first; the high bit says that another byte follows. */
function varintAt(message: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  for (let end = start, factor = 1; ; end += 1, factor *= 128) {
    const byte = message.readUInt8(end);
    value += (byte & 127) * factor;
    if (byte < 128) return { value, end: end + 1 };
  }
}
