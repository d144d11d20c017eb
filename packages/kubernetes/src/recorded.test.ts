import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { applyDefaults } from './defaults/apply.ts';
import { invalid } from './errors.ts';
import type { GroupVersionKind, KubernetesObject } from './object.ts';
import { decodeStrict, strictDecodingError } from './schema/decode.ts';
import { parseApiVersion, SchemaRegistry } from './schema/registry.ts';
import { isStatusError, type Status } from './status.ts';
import { validateCreate } from './validate/validate.ts';

/**
 * The pure object model against answers recorded from kube-apiserver 1.34: what it stores for a minimal body (`defaulting`) and how it
 * refuses a wrong one (`invalid`). What needs a running API server (admission, allocators, other objects) is taken out or skipped here
 * by name; `npm run conformance defaulting invalid` asks the embedded server.
 */

const registry = SchemaRegistry.builtin();

type Json = Record<string, unknown>;
const readYaml = (path: string): unknown => parse(readFileSync(path, 'utf8'), { version: '1.1', logLevel: 'silent' }) as unknown;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Paths that admission plugins, allocators and create strategies write, by kind. The recorded value is dropped before comparing; the
 * API server's own tests hold it to them.
 */
const serverWritten: Readonly<Record<string, readonly string[]>> = {
  '*': ['metadata.creationTimestamp', 'metadata.namespace', 'metadata.resourceVersion', 'metadata.uid', 'metadata.generation'],
  Pod: [
    'spec.preemptionPolicy',
    'spec.priority',
    'spec.serviceAccount',
    'spec.serviceAccountName',
    'spec.tolerations',
    'status.phase',
    'status.qosClass',
  ],
  Service: ['spec.clusterIP', 'spec.clusterIPs', 'spec.ipFamilies', 'spec.ipFamilyPolicy', 'spec.ports.nodePort'],
  Job: ['metadata.labels', 'spec.selector', 'spec.template.metadata.labels'],
  DaemonSet: ['metadata.annotations'],
  Namespace: ['spec.finalizers'],
  Node: ['spec.taints'],
  PersistentVolumeClaim: ['metadata.finalizers'],
  CustomResourceDefinition: ['status.conditions', 'status.acceptedNames', 'status.storedVersions'],
};

function dropPath(value: unknown, [key, ...rest]: readonly string[]): void {
  if (Array.isArray(value)) for (const item of value) dropPath(item, [key!, ...rest]);
  else if (isObject(value) && rest.length > 0) dropPath(value[key!], rest);
  else if (isObject(value)) delete value[key!];
}

/** The service account volume and its mounts, which admission adds to pods. */
function dropTokenVolume(pod: Json): void {
  const spec = pod['spec'] as { volumes?: { name: string }[]; containers: { volumeMounts?: { name: string }[] }[] };
  const isToken = ({ name }: { name: string }): boolean => name.startsWith('kube-api-access-');
  const keep = <T extends { name: string }>(holder: Json, key: string, list: T[] | undefined): void => {
    const kept = list?.filter((item) => !isToken(item)) ?? [];
    if (kept.length > 0) holder[key] = kept;
    else delete holder[key];
  };
  keep(spec as unknown as Json, 'volumes', spec.volumes);
  for (const container of spec.containers) keep(container, 'volumeMounts', container.volumeMounts);
}

const dataDir = join(process.env['CONFORMANCE_DIR'] ?? new URL('../../../../shared/conformance', import.meta.url).pathname, 'kubernetes');
const skip = existsSync(dataDir) ? false : `no recorded answers at ${dataDir}: CONFORMANCE_DIR names the folder of the conformance data`;
const casesIn = (folder: string, ending: string): string[] =>
  skip
    ? []
    : readdirSync(join(dataDir, folder))
        .filter((f) => f.endsWith(ending))
        .map((f) => f.slice(0, -ending.length));

describe('recorded defaulting', { skip }, () => {
  const folder = join(dataDir, 'defaulting');
  for (const name of casesIn('defaulting', '-in.yaml')) {
    test(name, () => {
      const input = readYaml(join(folder, `${name}-in.yaml`)) as KubernetesObject;
      const real = readYaml(join(folder, `${name}-out.yaml`)) as KubernetesObject;
      const { object, unknownFields } = decodeStrict(registry, { ...parseApiVersion(input.apiVersion), kind: input.kind }, input);
      assert.deepEqual(unknownFields, []);
      const ours = applyDefaults(registry, object);
      for (const path of [...serverWritten['*']!, ...(serverWritten[input.kind] ?? [])])
        for (const side of [ours, real]) dropPath(side, path.split('.'));
      if (input.kind === 'Pod') dropTokenVolume(real);
      assert.deepEqual(ours, real);
    });
  }
});

interface Recorded {
  readonly path: string;
  readonly status: Status;
}

/** Cases that the pure model cannot decide, with the part of the API server that does. */
const beyondTheModel: Readonly<Record<string, string>> = {
  'pod-missing-service-account': 'service account admission',
  'pod-namespace-mismatch': 'request path',
  'pod-namespace-missing': 'namespace lookup',
  'pod-not-yaml': 'body parser',
  'pod-duplicate-key': 'body parser',
  'service-bad-clusterip': 'service address allocator',
  'cr-enum-and-type': 'custom resources',
  'cr-minimum': 'custom resources',
  'cr-required': 'custom resources',
  'cr-unknown-field': 'custom resources',
};

function kindOfPath(path: string): GroupVersionKind {
  const parts = path.split('/').filter(Boolean);
  const [group, version] = parts[0] === 'api' ? ['', parts[1]!] : [parts[1]!, parts[2]!];
  const info = registry.byResource({ group, version, resource: parts.at(-1)! });
  if (!info) throw new Error(`no resource for ${path}`);
  return { group, version, kind: info.kind };
}

/** The answer of the pure model to one body: decode, default, validate. */
function refuse(gvk: GroupVersionKind, body: unknown, namespace: string | undefined): Status | undefined {
  try {
    const { object, unknownFields } = decodeStrict(registry, gvk, body);
    if (unknownFields.length > 0) return strictDecodingError(gvk, unknownFields).status;
    const defaulted = applyDefaults(registry, object);
    if (namespace !== undefined) defaulted.metadata.namespace ??= namespace;
    const causes = validateCreate(registry, defaulted);
    return causes.length === 0 ? undefined : invalid(gvk, defaulted.metadata.name ?? '', causes).status;
  } catch (error) {
    if (isStatusError(error)) return error.status;
    throw error;
  }
}

describe('recorded refusals', { skip }, () => {
  for (const name of casesIn('invalid', '.json')) {
    const beyond = beyondTheModel[name];
    test(name, {
      skip: beyond === undefined ? false : `decided by the API server (${beyond}): "npm run conformance invalid" runs it there`,
    }, () => {
      const { path, status } = JSON.parse(readFileSync(join(dataDir, 'invalid', `${name}.json`), 'utf8')) as Recorded;
      const namespace = /\/namespaces\/([^/]+)\/./.exec(path)?.[1];
      assert.deepEqual(refuse(kindOfPath(path), readYaml(join(dataDir, 'invalid', `${name}.yaml`)), namespace), status);
    });
  }
});
