import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyDefaults } from '../defaults/apply.ts';
import type { KubernetesObject } from '../object.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../patch/strategic-merge-patch.ts';
import { isStatusError } from '../status.ts';
import { renderRow, tableColumns } from '../table/table.ts';
import { validateCreate, validateUpdate } from '../validate/validate.ts';
import { decodeStrict } from './decode.ts';
import type { TypeSchema } from './definitions.ts';
import { formatApiVersion, type ResourceInfo, SchemaRegistry } from './registry.ts';

/** Objects drawn from the schema table itself: every kind, any combination of fields, values at the edges. */

const registry = SchemaRegistry.builtin();

/** Struct fields given at once: more would only make the objects large. */
const maxFields = 6;

function arbitrary(type: TypeSchema, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'ref': {
      if (depth <= 0) return fc.constant({});
      const fields = [...registry.definition(type.name).fields.values()];
      return fc
        .subarray(fields, { maxLength: Math.min(maxFields, fields.length) })
        .chain((chosen) => fc.record(Object.fromEntries(chosen.map((f) => [f.name, arbitrary(f.type, depth - 1)]))));
    }
    case 'list':
      return fc.array(arbitrary(type.item, depth), { maxLength: 2 });
    case 'map':
      return fc.dictionary(fc.constantFrom('a', 'b/c', 'A B', '__proto__'), arbitrary(type.value, depth), { maxKeys: 2 });
    case 'int32':
    case 'int64':
      return fc.constantFrom(0, 1, -1, 80, 70000);
    case 'bool':
      return fc.boolean();
    case 'double':
      return fc.constantFrom(0, 0.5);
    case 'bytes':
      return fc.constantFrom('', 'YQ==');
    case 'quantity':
      return fc.constantFrom('0', '1', '500m', '-1Gi', 2);
    case 'time':
    case 'microTime':
      return fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.5+02:00');
    case 'intOrString':
      return fc.constantFrom(0, 8080, 'http', '25%', '');
    case 'object':
    case 'any':
      return fc.constantFrom({}, { a: 1 });
    default:
      return fc.constantFrom('', 'a', 'Always', 'ClusterIP', 'RollingUpdate', 'x/y', '10.0.0.0/8', 'UPPER', '*');
  }
}

const kinds = registry.resources().filter((r) => registry.schemaFor(r)?.fields.has('metadata'));
const drawn: fc.Arbitrary<[ResourceInfo, KubernetesObject]> = fc
  .constantFrom(...kinds)
  .chain((info) =>
    arbitrary({ kind: 'ref', name: registry.schemaFor(info)!.name }, 7).map(
      (value) => [info, value as KubernetesObject] as [ResourceInfo, KubernetesObject],
    ),
  );

/** Decoded and defaulted, or undefined where the draw was refused (a kind of its own as text). */
function accept(info: ResourceInfo, value: unknown): KubernetesObject | undefined {
  try {
    const body = { ...(value as object), apiVersion: formatApiVersion(info.group, info.version), kind: info.kind };
    const { object, unknownFields } = decodeStrict(registry, info, body);
    assert.deepEqual(unknownFields, []);
    return applyDefaults(registry, object);
  } catch (error) {
    assert.ok(isStatusError(error, 'BadRequest'), String(error));
    return undefined;
  }
}

test('what the table describes is decoded, defaulted, judged and printed without fault', () => {
  let accepted = 0;
  fc.assert(
    fc.property(drawn, drawn, ([info, value], [, other]) => {
      const object = accept(info, value);
      if (!object) return;
      accepted++;
      for (const cause of validateCreate(registry, object))
        assert.ok(cause.reason?.startsWith('FieldValue') && cause.message && cause.field !== undefined, JSON.stringify(cause));
      const old = accept(info, { metadata: other.metadata });
      if (old) validateUpdate(registry, object, old);
      assert.equal(renderRow(info, object, new Date(0)).length, tableColumns(info).length);
    }),
    { numRuns: 300 },
  );
  assert.ok(accepted > 100, `${accepted} accepted`);
});

test('what is stored is a fixed point: decoding and defaulting it again changes nothing', () => {
  fc.assert(
    fc.property(drawn, ([info, value]) => {
      const object = accept(info, value);
      if (object) assert.deepEqual(accept(info, JSON.parse(JSON.stringify(object))), JSON.parse(JSON.stringify(object)));
    }),
    { numRuns: 300 },
  );
});

test('an empty patch changes nothing, and every patch that is no merge is refused with a Status', () => {
  fc.assert(
    fc.property(drawn, drawn, ([info, value], [, patch]) => {
      const object = accept(info, value);
      if (!object) return;
      assert.deepEqual(applyMergePatch(object, {}), object);
      assert.deepEqual(applyStrategicMergePatch(registry, info, object, {}), object);
      try {
        applyStrategicMergePatch(registry, info, object, patch);
      } catch (error) {
        assert.ok(isStatusError(error), String(error));
      }
    }),
    { numRuns: 200 },
  );
});
