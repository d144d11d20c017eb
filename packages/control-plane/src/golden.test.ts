/**
 * Objects in; what they change in each proxy's configuration, and each verdict in words, out. `testdata/goldens/NAME.yaml` is applied to the
 * mesh of `shop.yaml`; only resources that differ from those without it are written down.
 */
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import type { KubernetesObject } from '@palisade/kubernetes';
import { endpointsOf, evaluateCall, findDestinationRule, routeCall } from '@palisade/mesh/call';
import { compileProxy, defaultSettings, type MeshSnapshot, readWorkload } from '@palisade/mesh/traffic';
import { typeRegistry } from '@palisade/xds';
import type { VersionedResource } from '@palisade/xds/server';
import { parseAllDocuments, stringify } from 'yaml';
import { toResources } from './resources.ts';
import { type MeshKind, meshKinds, readSnapshot } from './snapshot.ts';

const folder = new URL('../testdata/goldens/', import.meta.url);
const read = (name: string): KubernetesObject[] =>
  parseAllDocuments(readFileSync(new URL(`${name}.yaml`, folder), 'utf8')).map((document) => document.toJS() as KubernetesObject);
const base = read('shop');

function snapshotOf(objects: readonly KubernetesObject[]): MeshSnapshot {
  const sources = Object.fromEntries(
    Object.entries(meshKinds).map(([kind, [group, , resource]]) => {
      const own = objects.filter(({ apiVersion = '', kind: each = '' }) => {
        const groupOf = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
        return (
          groupOf === group &&
          `${each
            .toLowerCase()
            .replace(/(?<=[^aeiou])y$/, 'ie')
            .replace(/s$/, 'se')}s` === resource
        );
      });
      return [
        kind,
        { list: () => own, get: (key: string) => own.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key) },
      ];
    }),
  );
  const failed = (message: string) => {
    throw new Error(message);
  };
  return readSnapshot(
    sources as unknown as Parameters<typeof readSnapshot>[0] & Record<MeshKind, never>,
    defaultSettings,
    () => undefined,
    failed,
  );
}

const podNamed = (name: string) => readWorkload(base.find(({ kind, metadata }) => kind === 'Pod' && metadata.name === name)!);
const pods = ['web-1', 'details-1', 'gateway-1'];

function resourcesOf(objects: readonly KubernetesObject[], pod: string): Map<string, VersionedResource> {
  const resources = [...toResources(compileProxy(snapshotOf(objects), podNamed(pod)))];
  return new Map(resources.flatMap(([type, all]) => [...all].map(([name, resource]) => [`${type.split('.').at(-1)} ${name}`, resource])));
}

function changesOf(extra: readonly KubernetesObject[], pod: string): Record<string, unknown> {
  const before = resourcesOf(base, pod);
  const after = resourcesOf([...base, ...extra], pod);
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const changed = [...after].filter(([name, { version }]) => before.get(name)?.version !== version);
  return Object.fromEntries([
    ...removed.map((name) => [name, 'removed']),
    ...changed.map(([name, { typeUrl, value }]) => {
      const schema = typeRegistry.getMessage(typeUrl.split('/')[1]!)!;
      return [name, toJson(schema, fromBinary(schema, value), { registry: typeRegistry })];
    }),
  ]);
}

/** From, method and path, to details in plain or in the mesh. */
const questions = [
  ['web-1', 'GET', '/details/0'],
  ['web-1', 'POST', '/details/0'],
  ['web-1', 'GET', '/ping'],
  ['gateway-1', 'GET', '/details/0'],
] as const;

function explain(extra: readonly KubernetesObject[]): string {
  const snapshot = snapshotOf([...base, ...extra]);
  const service = snapshot.services.find(({ name }) => name === 'details')!;
  const asked = { service, port: service.ports[0]!, subset: '' };
  return questions
    .flatMap(([from, method, path]) => {
      const caller = podNamed(from);
      const request = { method, path, query: '', authority: 'details', headers: new Map() };
      const routing = caller.isGateway ? undefined : routeCall(snapshot, caller, { port: 9080, service: asked }, request);
      const legs = routing?.kind === 'forward' ? routing.legs : [{ share: 1, request, to: asked }];
      return legs.flatMap(({ share, request: seen, to }) => {
        const rule = findDestinationRule(snapshot.destinationRules, service.hostname, {
          client: caller.namespace,
          service: 'shop',
          root: '',
        });
        const [endpoint] = endpointsOf({ ...to!, rule });
        const workload = base
          .filter(({ kind }) => kind === 'Pod')
          .map(readWorkload)
          .find(({ addresses }) => addresses[0] === endpoint!.address)!;
        const { lines, transport } = evaluateCall(
          snapshot,
          {
            from: { workload: caller, hasProxy: true },
            to: { workload, hasProxy: true, port: endpoint!.port, service: to! },
            request: seen,
          },
          0,
        );
        const part = share === 1 ? '' : ` ${share * 100} %`;
        return [`${from} ${method} ${path}${part} -> ${workload.name} (${transport})`, ...lines.map((line) => `  ${line}`)];
      });
    })
    .join('\n');
}

const asIs = { serializers: [(text: unknown) => String(text)] };

describe('goldens', () => {
  for (const name of ['viewer', 'canary', 'ingress']) {
    const extra = read(name);
    const output = (suffix: string) => fileURLToPath(new URL(`${name}.${suffix}`, folder));
    test(`${name}: what changes in the proxies`, (t) => {
      const text = stringify(Object.fromEntries(pods.map((pod) => [pod, changesOf(extra, pod)])), {
        lineWidth: 0,
        aliasDuplicateObjects: false,
      });
      t.assert.fileSnapshot(text, output('xds.yaml'), asIs);
    });
    test(`${name}: the verdicts in words`, (t) => t.assert.fileSnapshot(`${explain(extra)}\n`, output('txt'), asIs));
  }
});
