/** What admission takes of the traffic kinds, field by field, is a configuration that our proxy takes: one that it refuses stops every client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meshKinds, readSnapshot } from '@palisade/control-plane/snapshot';
import {
  bases,
  checkResource,
  fieldsOf,
  goodValues,
  keyOf,
  pathOf,
  readDefinitions,
  withoutDefinitions,
  withValue,
} from '@palisade/control-plane/testing';
import type { KubernetesObject } from '@palisade/kubernetes';
import { compileProxy, defaultSettings, type ProxyConfig, readWorkload } from '@palisade/mesh/traffic';
import { DataPlane } from '@palisade/proxy';

const object = (kind: string, name: string, rest: object, labels = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'shop', labels },
  ...rest,
});
const services = ['a', 'b'].map((name) =>
  object('Service', name, {
    spec: {
      clusterIP: `10.96.0.${name === 'a' ? 1 : 2}`,
      ports: [
        { name: 'http', port: 80 },
        { name: 'tcp', port: 81 },
      ],
    },
  }),
);
const gateway = object('Pod', 'g', { spec: { containers: [{ name: 'istio-proxy', args: ['proxy', 'router'] }] } }, { a: 'b' });
const web = object('Pod', 'w', { spec: { containers: [] } });
const front = { selector: { a: 'b' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] };

function compile(kind: string, spec: unknown): ProxyConfig[] {
  const bound = kind === 'VirtualService' ? { ...(spec as object), gateways: ['mesh', 'front'] } : spec;
  const objects: Record<string, KubernetesObject[]> = {
    services,
    destinationRules: kind === 'DestinationRule' ? [object(kind, 'x', { spec })] : [],
    virtualServices: kind === 'VirtualService' ? [object(kind, 'x', { spec: bound })] : [],
    gateways: kind === 'Gateway' ? [object(kind, 'x', { spec })] : [object('Gateway', 'front', { spec: front })],
  };
  const sources = Object.fromEntries(
    Object.keys(meshKinds).map((name) => [name, { list: () => objects[name] ?? [], get: () => undefined }]),
  ) as unknown as Parameters<typeof readSnapshot>[0];
  const refused = (problem: string) => assert.fail(problem);
  const snapshot = readSnapshot(sources, defaultSettings, () => undefined, refused);
  return [web, gateway].map((pod) => compileProxy(snapshot, readWorkload(pod)));
}

function isTaken(kind: string, spec: unknown): boolean {
  try {
    checkResource(object(kind, 'x', { apiVersion: 'networking.istio.io/v1', spec }), 'cluster.local');
    return true;
  } catch {
    return false;
  }
}

test('every served field of DestinationRule, VirtualService and Gateway', { skip: withoutDefinitions }, async (t) => {
  for (const { spec: definition } of readDefinitions()) {
    const { kind } = definition.names;
    if (!['DestinationRule', 'VirtualService', 'Gateway'].includes(kind)) continue;
    await t.test(kind, async () => {
      const schema = definition.versions[0]!.schema.openAPIV3Schema.properties!['spec']!;
      const leaves = [...fieldsOf(schema, ['spec'], keyOf)].filter((field) => !['object', 'array'].includes(field.schema.type ?? ''));
      const specs = leaves.flatMap(({ steps, schema: leaf }) =>
        goodValues(pathOf(steps), leaf).flatMap((value) => bases[kind]!.map((base) => withValue(base, steps.slice(1), value))),
      );
      const taken = [...bases[kind]!, ...specs].filter((spec) => isTaken(kind, spec));
      assert.ok(taken.length > 10, `${taken.length} are taken`);
      for (const spec of taken) {
        for (const { clusters, endpoints, routes } of compile(kind, spec)) {
          const plane = new DataPlane();
          try {
            await plane.apply({ clusters, endpoints, routes });
          } catch (error) {
            assert.fail(`${JSON.stringify(spec)}: ${(error as Error).message}`);
          } finally {
            plane.close();
          }
        }
      }
    });
  }
});
