/**
 * Saved laboratories as bytes: magic, checksum, then a compressed body with named fields.
 *
 * @module
 */

import { InputError } from "./errors.ts";
import { hashBytes } from "./hash.ts";

/** First bytes of a snapshot: "USNAP1" and a line end that text tools would break. */
const MAGIC = new Uint8Array([0x55, 0x53, 0x4e, 0x41, 0x50, 0x31, 0x0d, 0x0a]);
const HASH = 16;
const HEADER = MAGIC.length + HASH;
const BYTES_KEY = "$bytes";

/** What a snapshot holds. */
export interface Snapshot {
  /** The value with its schema. */
  value: unknown;
  /** The blobs, in the order in which they were given. */
  blobs: Uint8Array[];
}

/** Encodes a value of plain data (byte arrays allowed anywhere in it) and blobs. */
export async function encodeSnapshot(
  value: unknown,
  blobs: readonly Uint8Array[],
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const put = (bytes: Uint8Array) => {
    const place = { [BYTES_KEY]: [offset, bytes.length] };
    chunks.push(bytes);
    offset += bytes.length;
    return place;
  };
  const json = JSON.stringify(
    { value, blobs },
    (_key, v) => v instanceof Uint8Array ? put(v) : v,
  );
  const text = new TextEncoder().encode(json);
  const body = new Uint8Array(4 + text.length + offset);
  new DataView(body.buffer).setUint32(0, text.length, true);
  body.set(text, 4);
  let at = 4 + text.length;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  const packed = await pipe(body, new CompressionStream("gzip"));
  const out = new Uint8Array(HEADER + packed.length);
  out.set(MAGIC);
  out.set(new TextEncoder().encode(hashBytes(packed)), MAGIC.length);
  out.set(packed, HEADER);
  return out;
}

/**
 * Decodes what {@linkcode encodeSnapshot} gave.
 *
 * @param schema The schema that the value must name.
 * @throws {InputError} With the reason: foreign, truncated or damaged, another schema.
 */
export async function decodeSnapshot(bytes: Uint8Array, schema: string): Promise<Snapshot> {
  const where = "snapshot";
  if (bytes.length < HEADER || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new InputError(where, "not a file saved by Understudy");
  }
  const packed = bytes.subarray(HEADER);
  const sum = new TextDecoder().decode(bytes.subarray(MAGIC.length, HEADER));
  if (hashBytes(packed) !== sum) throw new InputError(where, "damaged or truncated");
  let body: Uint8Array;
  try {
    body = await pipe(packed, new DecompressionStream("gzip"));
  } catch {
    throw new InputError(where, "damaged: its body can't be unpacked");
  }
  const parsed = parseBody(body);
  if (parsed === undefined) throw new InputError(where, "damaged: its content is no snapshot");
  const found = (parsed.value as { schema?: string }).schema;
  if (found !== schema) throw new InputError(where, `schema ${found}`, `allowed: ${schema}`);
  return parsed;
}

/** The body of a snapshot, undefined when it has not the form of one. */
function parseBody(body: Uint8Array): Snapshot | undefined {
  if (body.length < 4) return undefined;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  if (4 + length > body.length) return undefined;
  const data = body.subarray(4 + length);
  let parsed: Partial<Snapshot> | null;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body.subarray(4, 4 + length)), (_key, v) => {
      const place = v?.[BYTES_KEY];
      return Array.isArray(place) ? data.slice(place[0], place[0] + place[1]) : v;
    });
  } catch {
    return undefined;
  }
  const { value, blobs } = parsed ?? {};
  const whole = typeof value === "object" && value !== null && Array.isArray(blobs) &&
    blobs.every((blob) => blob instanceof Uint8Array);
  return whole ? { value, blobs } : undefined;
}

async function pipe(
  bytes: Uint8Array,
  through: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(through);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
