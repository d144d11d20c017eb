import type { IncomingMessage } from 'node:http';
import { badRequest, decodeProtobuf, findDuplicateFields, tooLarge, unsupportedMediaType } from '@palisade/kubernetes';
import type { Document, LineCounter } from 'yaml';
import type { Core } from '../core.ts';
import type { ParsedBody } from '../registry/decode-body.ts';
import { glimpse, jsonFault, notAnObject, yamlFault } from './go-words.ts';

/** As the real server's limit on request bodies. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** No Kubernetes object is near this deep; deeper ones would only exhaust the stack of what reads them. */
const MAX_DEPTH = 500;
/** First bytes of the protobuf envelope (apimachinery `serializer/protobuf`). */
const PROTOBUF_MAGIC = Buffer.from('k8s\0');
/** Aliases may multiply: a small text must not become a huge object. */
const MAX_ALIASES = 100;

/** The whole body. @throws StatusError 413, 400 when the client goes away */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  const length = Number(req.headers['content-length'] ?? 0);
  if (length > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
      chunks.push(chunk);
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === 413) throw error;
    throw badRequest(`unable to read the request body: ${(error as Error).message}`);
  }
  return Buffer.concat(chunks);
}

export function mediaType(req: IncomingMessage): string {
  return (req.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

/**
 * Body of a write: JSON (also when no type is named), YAML or the protobuf envelope.
 *
 * @param kind what the URL wants, for the refusal's text
 * @throws StatusError 400, 415
 */
export async function parseBody(core: Core, type: string, bytes: Buffer, kind: string): Promise<ParsedBody> {
  switch (type) {
    case '':
    case 'application/json':
      return parseJson(bytes, kind);
    case 'application/yaml':
    case 'application/x-yaml':
    case 'text/yaml':
      return parseYaml(bytes, kind);
    case 'application/vnd.kubernetes.protobuf':
      if (!bytes.subarray(0, PROTOBUF_MAGIC.length).equals(PROTOBUF_MAGIC)) {
        throw unrecognized(kind, 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]', bytes);
      }
      return { value: decodeProtobuf(core.schemas, bytes), syntaxWarnings: [] };
    default:
      throw unsupportedMediaType(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']);
  }
}

function parseJson(bytes: Buffer, kind: string): ParsedBody {
  const text = bytes.toString('utf8');
  refuseDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unrecognized(kind, `couldn't get version/kind; json parse error: ${jsonFault(text)}`, bytes);
  }
  return { value: requireObject(value, kind, bytes), syntaxWarnings: findDuplicateFields(text) };
}

function unrecognized(kind: string, why: string, bytes: Buffer): Error {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${glimpse(bytes)})`);
}

/** What names no version and kind can be read from. @throws StatusError 400 */
function requireObject(value: unknown, kind: string, bytes: Buffer): unknown {
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw unrecognized(kind, `couldn't get version/kind; json parse error: ${notAnObject(value)}`, bytes);
  const { apiVersion } = value as { apiVersion?: unknown };
  if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2)
    throw unrecognized(kind, `unexpected GroupVersion string: ${apiVersion}`, bytes);
  return value;
}

/** Counts brackets outside strings: cheap, and before anything recursive sees the text. @throws StatusError 400 */
export function refuseDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_DEPTH) throw badRequest(`the object provided is too deeply nested: limit is ${MAX_DEPTH} levels`);
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
}

async function parseYaml(bytes: Buffer, kind: string): Promise<ParsedBody> {
  const { LineCounter, parseDocument } = await import('yaml');
  const text = bytes.toString('utf8');
  const lines = new LineCounter();
  // Kubernetes reads YAML 1.1: `yes`, `on` and `N` are booleans.
  const document = parseDocument(text, { version: '1.1', uniqueKeys: false, lineCounter: lines });
  // Only the first of several documents is read.
  const failure = document.errors.find(({ code }) => code !== 'MULTIPLE_DOCS');
  if (failure !== undefined) throw unrecognized(kind, yamlFault(failure, text), bytes);
  let json: string | undefined;
  try {
    json = JSON.stringify(document.toJS({ maxAliasCount: MAX_ALIASES }));
  } catch (error) {
    const anchor = /Unresolved alias.*: (\S+)$/.exec((error as Error).message)?.[1];
    throw unrecognized(kind, `yaml: ${anchor === undefined ? (error as Error).message : `unknown anchor '${anchor}' referenced`}`, bytes);
  }
  const value: unknown = json === undefined ? null : JSON.parse(json);
  if (json !== undefined) refuseDepth(json);
  return { value: requireObject(value, kind, bytes), syntaxWarnings: await duplicateKeys(document, lines) };
}

async function duplicateKeys(document: Document.Parsed, lines: LineCounter): Promise<string[]> {
  const { visit, isScalar } = await import('yaml');
  const found: string[] = [];
  visit(document, {
    Map(_, node) {
      const seen = new Set<unknown>();
      for (const { key } of node.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value))
          found.push(
            `yaml: unmarshal errors:\n  line ${lines.linePos(key.range?.[0] ?? 0).line}: key ${JSON.stringify(key.value)} already set in map`,
          );
        seen.add(key.value);
      }
    },
  });
  return found;
}
