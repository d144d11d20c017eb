/** The controllers over the real API server of this package, in one process and over HTTPS, with a kubelet that only reports. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type ApiClient,
  type GroupVersionResource,
  isStatusError,
  type KubernetesObject,
  PatchType,
  SchemaRegistry,
} from '@palisade/kubernetes';
import { createHttpClient, createInformer, loadKubeconfig, systemClock } from '@palisade/kubernetes/client';
import { createApiServer, SYSTEM_USER } from '../apiserver/index.ts';
import { startControllers } from './index.ts';
import { Resource } from './runtime/resources.ts';
import { makeDeployment, makeNode } from './test-harness.ts';

interface Live extends AsyncDisposable {
  client: ApiClient;
  log: string[];
  /** Waits until `check` gives something; fails after 20 s with what was last seen. */
  eventually<T>(what: string, check: () => Promise<T | false | undefined>): Promise<T>;
}

async function startLive(transport: 'local' | 'https'): Promise<Live> {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-controllers-'));
  const server = await createApiServer({ stateDir: join(directory, 'state'), clock: () => new Date() });
  const { port } = await server.listen('127.0.0.1', 0);
  const http = createHttpClient(loadKubeconfig(await server.kubeconfig(`https://127.0.0.1:${port}`)));
  const client = transport === 'local' ? server.localClient(SYSTEM_USER) : http;
  const stop = new AbortController();
  const log: string[] = [];
  const registry = SchemaRegistry.builtin();
  const controllers = startControllers({
    client,
    clock: systemClock,
    signal: stop.signal,
    log: (level, message) => log.push(`${level}: ${message}`),
    caCertificatePem: server.caCertificatePem,
    resources: () => registry.resources(),
  });
  await controllers.ready;
  for (const name of ['node1', 'node2']) {
    const { status, ...node } = makeNode(name);
    await client.update(Resource.nodes, { ...(await client.create(Resource.nodes, node)), status }, { subresource: 'status' });
  }
  const kubelet = createInformer(client, Resource.pods);
  kubelet.onChange((type, pod) => {
    if (type !== 'DELETED') void report(client, pod).catch(() => {});
  });
  kubelet.start(stop.signal);
  return {
    client,
    log,
    async eventually(what, check) {
      for (let i = 0; i < 400; i++) {
        try {
          const found = await check();
          if (found) return found;
        } catch (error) {
          if (!isStatusError(error, 'NotFound')) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`${what}: not within 20 s\n${log.join('\n')}`);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await controllers.stop();
      http.close();
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

let address = 1;

async function report(client: ApiClient, pod: KubernetesObject): Promise<void> {
  const { namespace = '', name = '' } = pod.metadata;
  if (!pod['spec'].nodeName) return;
  if (pod.metadata.deletionTimestamp !== undefined) return client.delete(Resource.pods, { namespace, name }, { gracePeriodSeconds: 0 });
  if (pod['status'].phase !== 'Pending') return;
  const ip = `10.244.0.${address++}`;
  const isJob = pod.metadata.ownerReferences?.[0]?.kind === 'Job';
  const conditions = [
    ...(pod['status'].conditions ?? []),
    { type: 'Ready', status: isJob ? 'False' : 'True', lastTransitionTime: new Date().toISOString() },
  ];
  const status = { ...pod['status'], phase: isJob ? 'Succeeded' : 'Running', podIP: ip, podIPs: [{ ip }], conditions };
  await client.update(Resource.pods, { ...pod, status }, { subresource: 'status' });
}

const at = (name: string, namespace = 'shop') => ({ name, namespace });

for (const transport of ['local', 'https'] as const) {
  test(`the story of a namespace, ${transport}`, { timeout: 60_000 }, async () => {
    await using live = await startLive(transport);
    const { client, eventually } = live;
    await client.create(Resource.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    await client.create(Resource.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: at('web'),
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    const deployment = makeDeployment('web', 3);
    deployment.metadata.namespace = 'shop';
    await client.create(Resource.deployments, deployment);

    const available = async (generation: number) => {
      const found = await client.get(Resource.deployments, at('web'));
      const { observedGeneration, updatedReplicas, replicas, availableReplicas } = found['status'];
      return observedGeneration >= generation && updatedReplicas === 3 && replicas === 3 && availableReplicas === 3 && found;
    };
    await eventually('rollout', () => available(1));
    const pods = (await client.list(Resource.pods, { namespace: 'shop' })).items;
    assert.deepEqual(new Set(pods.map((pod) => pod['spec'].nodeName)), new Set(['node1', 'node2']));
    assert.ok(
      pods.every((pod) =>
        pod['status'].conditions.some(
          (entry: { type: string; status: string }) => entry.type === 'PodScheduled' && entry.status === 'True',
        ),
      ),
    );

    const slice = await eventually('endpoints', async () => {
      const [found] = (await client.list(Resource.endpointSlices, { namespace: 'shop', labelSelector: 'kubernetes.io/service-name=web' }))
        .items;
      return found !== undefined && found['endpoints']?.length === 3 && found;
    });
    assert.deepEqual(
      slice['ports'].map((port: { port: number }) => port.port),
      [8080],
    );
    assert.equal((await client.get(Resource.endpoints, at('web')))['subsets'][0].addresses.length, 3);

    await client.patch(Resource.deployments, at('web'), PatchType.merge, {
      spec: { template: { spec: { containers: [{ name: 'web', image: 'web:2' }] } } },
    });
    const updated = await eventually('second rollout', () => available(2));
    assert.equal(updated.metadata.annotations!['deployment.kubernetes.io/revision'], '2');
    assert.equal(
      updated['status'].conditions.find((entry: { type: string }) => entry.type === 'Progressing').reason,
      'NewReplicaSetAvailable',
    );

    await client.create(Resource.jobs, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: at('once'),
      spec: { completions: 2, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
    });
    await eventually('job', async () =>
      (await client.get(Resource.jobs, at('once')))['status']?.conditions?.some((entry: { type: string }) => entry.type === 'Complete'),
    );
    await client.delete(Resource.jobs, at('once'), { propagationPolicy: 'Foreground' });
    const gone = (resource: GroupVersionResource, name: string) => async () => {
      try {
        await client.get(resource, resource === Resource.namespaces ? { name } : at(name));
        return false;
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return true;
        throw error;
      }
    };
    await eventually('job gone', gone(Resource.jobs, 'once'));
    assert.deepEqual((await client.list(Resource.pods, { namespace: 'shop', labelSelector: 'job-name=once' })).items, []);

    await client.delete(Resource.namespaces, { name: 'shop' });
    await eventually('namespace gone', gone(Resource.namespaces, 'shop'));
    assert.deepEqual((await client.list(Resource.pods, { namespace: 'shop' })).items, []);
    assert.deepEqual(
      live.log.filter((line) => /^(warn|error)/.test(line)),
      [],
    );
  });
}

test('a token file is read again after a minute', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-token-'));
  const server = await createApiServer({ stateDir: join(directory, 'state'), clock: () => new Date() });
  try {
    const { port } = await server.listen('127.0.0.1', 0);
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader', namespace: 'default' } };
    await server.localClient(SYSTEM_USER).create(Resource.serviceAccounts, account);
    const tokenFile = join(directory, 'token');
    let nowMs = 0;
    const access = {
      server: `https://127.0.0.1:${port}`,
      namespace: 'default',
      certificateAuthority: server.caCertificatePem,
      insecureSkipTlsVerify: false,
      tokenFile,
    };
    const client = createHttpClient(access, { now: () => nowMs });
    const status = async () => {
      const answer = await client.request({ path: '/version' });
      answer.body.resume();
      return answer.status;
    };
    writeFileSync(tokenFile, 'stale');
    assert.equal(await status(), 401);
    writeFileSync(tokenFile, await server.issueServiceAccountToken('default', 'reader'));
    nowMs = 59_000;
    assert.equal(await status(), 401);
    nowMs = 60_000;
    assert.equal(await status(), 200);
    client.close();
    const stranger = createHttpClient({ ...access, certificateAuthority: undefined as never });
    await assert.rejects(stranger.list(Resource.pods), /certificate/);
    stranger.close();
  } finally {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
