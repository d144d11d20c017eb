import { badRequest } from '../errors.ts';
import type { GroupVersionKind, KubernetesObject } from '../object.ts';
import { decodeStrict, decodingError } from '../schema/decode.ts';
import { parseApiVersion, type SchemaRegistry } from '../schema/registry.ts';
import { StatusError } from '../status.ts';
import { MessageDecoder } from './message.ts';
import { readFields, readText, WireError, WireType } from './reader.ts';

/** `k8s\0`: what every protobuf body of the Kubernetes API starts with (apimachinery runtime/serializer/protobuf). */
const magic = [0x6b, 0x38, 0x73, 0x00];

interface Envelope {
  apiVersion: string;
  kind: string;
  raw: Uint8Array;
  contentEncoding: string;
  contentType: string;
}

/** runtime.Unknown: 1 typeMeta {1 apiVersion, 2 kind}, 2 raw, 3 contentEncoding, 4 contentType. */
function readEnvelope(bytes: Uint8Array): Envelope {
  const out: Envelope = { apiVersion: '', kind: '', raw: new Uint8Array(), contentEncoding: '', contentType: '' };
  readFields(bytes, ({ number, wire }, reader) => {
    if (wire !== WireType.bytes || number > 4) return false;
    const value = reader.bytes();
    if (number === 2) out.raw = value;
    else if (number === 3) out.contentEncoding = readText(value);
    else if (number === 4) out.contentType = readText(value);
    else {
      readFields(value, (tag, inner) => {
        if (tag.wire !== WireType.bytes || tag.number > 2) return false;
        out[tag.number === 1 ? 'apiVersion' : 'kind'] = readText(inner.bytes());
        return true;
      });
    }
    return true;
  });
  return out;
}

/**
 * Reads a body of media type `application/vnd.kubernetes.protobuf`. The result is what the same object sent as JSON would give.
 * Fields with unknown numbers are skipped, as newer clients send them.
 *
 * @throws StatusError 400 when it is no such body, is cut off, or holds a kind the table does not know
 */
export function decodeProtobuf(registry: SchemaRegistry, bytes: Uint8Array): KubernetesObject {
  if (!magic.every((byte, i) => bytes[i] === byte)) {
    throw badRequest(`provided data does not appear to be a protobuf message, expected prefix [${magic.join(' ')}]`);
  }
  let gvk: GroupVersionKind = { group: '', version: '', kind: '' };
  try {
    const envelope = readEnvelope(bytes.subarray(magic.length));
    gvk = { ...parseApiVersion(envelope.apiVersion), kind: envelope.kind };
    if (envelope.contentEncoding !== '')
      throw new WireError(`content encoding ${JSON.stringify(envelope.contentEncoding)} is not supported`);
    if (envelope.contentType !== '' && envelope.contentType !== 'application/vnd.kubernetes.protobuf') {
      throw new WireError(`content type ${JSON.stringify(envelope.contentType)} is not supported inside a protobuf body`);
    }
    const definition = registry.schemaFor(gvk);
    if (!definition)
      throw new WireError(`no kind ${JSON.stringify(gvk.kind)} is registered for version ${JSON.stringify(envelope.apiVersion)}`);
    return decodeStrict(registry, gvk, new MessageDecoder(registry).decode(envelope.raw, definition)).object;
  } catch (error) {
    if (error instanceof StatusError) throw error;
    if (error instanceof WireError) throw decodingError(gvk, gvk, error.message);
    throw error;
  }
}
