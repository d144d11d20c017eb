import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SchemaRegistry } from '../schema/registry.ts';
import { encodeOpenApiV2, openApiV2Document } from './document-v2.ts';

type Schema = Readonly<Record<string, unknown>>;

/** Fields of a message by number, as the wire has them; every field of these messages is length-delimited. */
function fieldsOf(bytes: Buffer): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  const varint = (at: number): [value: number, next: number] => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return [value, at];
    }
  };
  for (let at = 0; at < bytes.length; ) {
    const [tag, afterTag] = varint(at);
    const [length, start] = varint(afterTag);
    assert.equal(tag % 8, 2);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), bytes.subarray(start, start + length)]);
    at = start + length;
  }
  return fields;
}

const one = (fields: Map<number, Buffer[]>, number: number): Buffer => fields.get(number)?.[0] ?? Buffer.alloc(0);
const pairs = (entries: readonly Buffer[]): Map<string, Buffer> =>
  new Map(entries.map((entry) => [one(fieldsOf(entry), 1).toString(), one(fieldsOf(entry), 2)]));

test('references stand bare, and every one of them leads somewhere', () => {
  const { definitions } = openApiV2Document(SchemaRegistry.builtin()) as { definitions: Record<string, Schema> };
  const references = JSON.stringify(definitions).match(/"#\/[^"]+"/g) ?? [];
  const dangling = references.filter((text) => definitions[text.slice('"#/definitions/'.length, -1)] === undefined);
  assert.ok(references.length > 500);
  assert.deepEqual(dangling, []);
  const pod = definitions['io.k8s.api.core.v1.Pod']!;
  assert.deepEqual((pod['properties'] as Schema)['spec'], { $ref: '#/definitions/io.k8s.api.core.v1.PodSpec' });
});

test('the protobuf form says the same', () => {
  const document = openApiV2Document(SchemaRegistry.builtin());
  const definitions = document['definitions'] as Record<string, Schema>;
  const fields = fieldsOf(encodeOpenApiV2(document));
  assert.equal(one(fields, 1).toString(), '2.0');
  const encoded = pairs(fieldsOf(one(fields, 9)).get(1)!);
  assert.deepEqual([...encoded.keys()], Object.keys(definitions));
  const pod = fieldsOf(encoded.get('io.k8s.api.core.v1.Pod')!);
  assert.deepEqual(
    [...pairs(fieldsOf(one(pod, 25)).get(1)!).keys()],
    Object.keys(definitions['io.k8s.api.core.v1.Pod']!['properties'] as Schema),
  );
  const kinds = one(fieldsOf(pairs(pod.get(31)!).get('x-kubernetes-group-version-kind')!), 2);
  assert.deepEqual(JSON.parse(kinds.toString()), [{ group: '', kind: 'Pod', version: 'v1' }]);
  const port = fieldsOf(encoded.get('io.k8s.api.core.v1.ServicePort')!);
  assert.deepEqual(port.get(19)?.map(String), ['port']);
});
