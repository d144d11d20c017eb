import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiClient, KubernetesObject } from '@palisade/kubernetes';
import type { Workload } from '@palisade/mesh/traffic';
import { createCredentials } from './credentials.ts';

const gateway = (serviceAccount: string, namespace = 'edge'): Workload => ({
  namespace,
  name: 'gw',
  labels: {},
  addresses: ['10.0.0.1'],
  serviceAccount,
  isGateway: true,
  interception: 'redirect',
});
const encode = (data: Record<string, string>) =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
const secret = (name: string, data: Record<string, string>): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'edge', name, resourceVersion: '1', uid: name },
  data: encode(data),
});

/** An API with Secrets in `edge` that lets the account `reader` list them. */
function start(secrets: readonly KubernetesObject[], isBroken = false) {
  const lifetime = new AbortController();
  let asked = 0;
  let now = 0;
  let changes = 0;
  const allowed = new Set(['system:serviceaccount:edge:reader']);
  const client = {
    async list(_resource: unknown, options: { namespace?: string }) {
      return {
        kind: 'List',
        apiVersion: 'v1',
        metadata: { resourceVersion: '1' },
        items: secrets.filter(({ metadata }) => metadata.namespace === options.namespace),
      };
    },
    async *watch(_resource: unknown, options: { signal?: AbortSignal }) {
      await new Promise((resolve) => (options.signal ?? lifetime.signal).addEventListener('abort', resolve));
    },
    async create(_resource: unknown, review: KubernetesObject) {
      asked++;
      if (isBroken) throw new Error('no answer');
      const { user, resourceAttributes } = review['spec'] as { user: string; resourceAttributes: object };
      assert.deepEqual(resourceAttributes, { namespace: 'edge', verb: 'list', resource: 'secrets' });
      return { ...review, status: { allowed: allowed.has(user) } };
    },
  } as unknown as ApiClient;
  const credentials = createCredentials({
    client,
    signal: lifetime.signal,
    now: () => new Date(now),
    log: () => {},
    changed: () => changes++,
  });
  /** Asks, waits for what is asked of the API meanwhile, and asks again, as the push that follows does. */
  const names = async (workload: Workload, isMutual = false) => {
    credentials.secretsFor(workload, [{ name: 'cert', isMutual }]);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    return credentials.secretsFor(workload, [{ name: 'cert', isMutual }]).map(({ name }) => name);
  };
  return { names, allowed, stop: () => lifetime.abort(), asked: () => asked, changes: () => changes, pass: (ms: number) => (now += ms) };
}

const pair = secret('cert', { 'tls.crt': 'C', 'tls.key': 'K', 'ca.crt': 'A' });

test('an account that may list Secrets gets what its Gateways name, another gets nothing', async () => {
  const api = start([pair]);
  assert.deepEqual(await api.names(gateway('reader')), ['kubernetes://cert']);
  assert.deepEqual(await api.names(gateway('reader'), true), ['kubernetes://cert', 'kubernetes://cert-cacert']);
  assert.deepEqual(await api.names(gateway('other')), []);
  assert.ok(api.changes() > 0);
  api.stop();
});

test('an API that cannot be asked lets nobody have anything', async () => {
  const api = start([pair], true);
  assert.deepEqual(await api.names(gateway('reader')), []);
  api.stop();
});

test('half a credential is none; the clients’ authority may stand in a Secret of its own', async () => {
  const half = start([secret('cert', { 'tls.crt': 'C' })]);
  assert.deepEqual(await half.names(gateway('reader')), []);
  half.stop();
  const apart = start([secret('cert', { cert: 'C', key: 'K' }), secret('cert-cacert', { cacert: 'A' })]);
  assert.deepEqual(await apart.names(gateway('reader'), true), ['kubernetes://cert', 'kubernetes://cert-cacert']);
  apart.stop();
});

test('a right is asked about again, and one that was taken away ends', async () => {
  const api = start([pair]);
  await api.names(gateway('reader'));
  assert.equal(api.asked(), 1);
  await api.names(gateway('reader'));
  assert.equal(api.asked(), 1, 'an answer is believed for a while');
  api.allowed.clear();
  api.pass(31_000);
  assert.deepEqual(await api.names(gateway('reader')), []);
  api.stop();
});
