import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInformer } from '@palisade/kubernetes/client';
import { createFakeClient } from '@palisade/kubernetes/testing';
import { Resource } from '../../../controllers/runtime/resources.ts';
import { planNodes } from '../fabric/addresses.ts';
import type { LocalPod } from '../fabric/pod-network.ts';
import { createAddressNames } from '../flows/address-names.ts';
import { startPolicyEnforcer } from './network-policy.ts';

const networkPolicies = { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies' };
const clusterPolicies = { group: 'policy.networking.k8s.io', version: 'v1alpha2', resource: 'clusternetworkpolicies' };

test('whoever asks for a name while its addresses are on their way in waits for them too', async (t) => {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const client = createFakeClient();
  await client.create(clusterPolicies, {
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: { name: 'names' },
    spec: {
      ...{ tier: 'Admin', priority: 1, subject: { namespaces: {} } },
      egress: [{ action: 'Accept', to: [{ domainNames: ['a.example'] }] }],
    },
  });
  const informers = {
    pods: createInformer(client, Resource.pods),
    namespaces: createInformer(client, Resource.namespaces),
    networkPolicies: createInformer(client, networkPolicies),
  };
  const names = createInformer(client, clusterPolicies);
  for (const informer of [...Object.values(informers), names]) informer.start(stop.signal);
  const metadata = { namespace: 'default', name: 'a', uid: 'uid-a' };
  const local: LocalPod = {
    ...metadata,
    ...{ nodeName: 'node1', ifname: 'va', podIPs: ['10.244.1.2', 'fd00:244:1::2'] },
    object: { apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeName: 'node1' } },
  };
  let gate: Promise<void> | undefined;
  const enforcer = await startPolicyEnforcer({
    ...informers,
    clusterPolicies: [names],
    nodes: planNodes(['node1']),
    placed: () => new Map([['node1', [local]]]),
    names: createAddressNames(() => 0),
    signal: stop.signal,
    log: (_, message) => assert.fail(message),
    apply: async () => gate,
    endFlows: async () => 0,
  });
  await enforcer.settled();
  assert.equal(enforcer.compiled.policies.length, 1);

  const { promise, resolve: open } = Promise.withResolvers<void>();
  gate = promise;
  const told: string[] = [];
  const ask = (who: string) => enforcer.resolved('a.example', ['192.0.2.1'], 5).then(() => told.push(who));
  const asked = [ask('first'), ask('second')];
  await enforcer.resolved('other.example', ['192.0.2.2'], 5);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(told, []);
  open();
  await Promise.all(asked);
  await ask('later');
  assert.deepEqual(told, ['first', 'second', 'later']);
});
