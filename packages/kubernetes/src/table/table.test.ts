import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatApiVersion, SchemaRegistry } from '../schema/registry.ts';
import { renderRow, tableColumns } from './table.ts';
import { created, now, row } from './testing/row.ts';

describe('rows', () => {
  const template = {
    metadata: {},
    spec: {
      containers: [
        { name: 'c', image: 'i:1' },
        { name: 'd', image: 'j' },
      ],
    },
  };
  const selector = { matchLabels: { b: '2', a: '1' } };
  const rows: [name: string, found: unknown, cells: unknown][] = [
    ['namespace', row('v1', 'Namespace', { status: { phase: 'Active' } }), ['x', 'Active', '60m']],
    ['configmap: a number in a text column', row('v1', 'ConfigMap', { data: { a: '', b: '' }, binaryData: { c: '' } }), ['x', 3, '60m']],
    ['secret', row('v1', 'Secret', { type: 'Opaque', data: { a: '' } }), ['x', 'Opaque', 1, '60m']],
    [
      'service',
      row('v1', 'Service', {
        spec: {
          type: 'NodePort',
          clusterIPs: ['10.96.0.1'],
          ports: [
            { port: 80, nodePort: 30080, protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
          selector: { a: 'b' },
        },
      }),
      ['x', 'NodePort', '10.96.0.1', '<none>', '80:30080/TCP,53/UDP', '60m', 'a=b'],
    ],
    [
      'service without address yet',
      row('v1', 'Service', { spec: { type: 'LoadBalancer', ports: [] } }),
      ['x', 'LoadBalancer', '<none>', '<pending>', '<none>', '60m', '<none>'],
    ],
    [
      'load balancer',
      row('v1', 'Service', {
        spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.9'], ports: [] },
        status: { loadBalancer: { ingress: [{ ip: '127.1.0.1' }] } },
      }).slice(3, 4),
      ['127.1.0.1'],
    ],
    [
      'external name',
      row('v1', 'Service', { spec: { type: 'ExternalName', externalName: 'a.example' } }).slice(1, 5),
      ['ExternalName', '<none>', 'a.example', '<none>'],
    ],
    [
      'endpoints',
      row('v1', 'Endpoints', { subsets: [{ addresses: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], ports: [{ port: 80 }, { port: 81 }] }] }),
      ['x', '10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more...', '60m'],
    ],
    [
      'endpointslice',
      row('discovery.k8s.io/v1', 'EndpointSlice', { addressType: 'IPv4', ports: [{ port: 80 }], endpoints: [{ addresses: ['10.0.0.1'] }] }),
      ['x', 'IPv4', '80', '10.0.0.1', '60m'],
    ],
    [
      'empty endpointslice',
      row('discovery.k8s.io/v1', 'EndpointSlice', { addressType: 'IPv4' }),
      ['x', 'IPv4', '<unset>', '<unset>', '60m'],
    ],
    [
      'node',
      row(
        'v1',
        'Node',
        {
          spec: { unschedulable: true },
          status: {
            conditions: [{ type: 'Ready', status: 'True' }],
            addresses: [{ type: 'InternalIP', address: '10.1.0.1' }],
            nodeInfo: { kubeletVersion: 'v1.34.0', osImage: 'Debian' },
          },
        },
        { labels: { 'node-role.kubernetes.io/worker': '' } },
      ),
      ['x', 'Ready,SchedulingDisabled', 'worker', '60m', 'v1.34.0', '10.1.0.1', '<none>', 'Debian', '<unknown>', '<unknown>'],
    ],
    [
      'event',
      row('v1', 'Event', {
        involvedObject: { kind: 'Pod', name: 'p' },
        type: 'Warning',
        reason: 'Failed',
        message: 'no\n',
        source: { component: 'kubelet', host: 'n1' },
        lastTimestamp: '2026-01-01T00:59:00Z',
        firstTimestamp: created,
        count: 4,
      }),
      ['60s', 'Warning', 'Failed', 'pod/p', '', 'kubelet, n1', 'no', '60m', 4, 'x'],
    ],
    [
      'deployment',
      row('apps/v1', 'Deployment', {
        spec: { replicas: 3, selector, template },
        status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 },
      }),
      ['x', '2/3', 3, 1, '60m', 'c,d', 'i:1,j', 'a=1,b=2'],
    ],
    [
      'replicaset',
      row('apps/v1', 'ReplicaSet', { spec: { replicas: 3, selector, template }, status: { replicas: 2, readyReplicas: 1 } }),
      ['x', 3, 2, 1, '60m', 'c,d', 'i:1,j', 'a=1,b=2'],
    ],
    [
      'job running',
      row('batch/v1', 'Job', { spec: { completions: 2, selector, template }, status: { startTime: created, succeeded: 1 } }).slice(1, 4),
      ['Running', '1/2', '60m'],
    ],
    [
      'job complete',
      row('batch/v1', 'Job', {
        spec: { parallelism: 3, template },
        status: { startTime: created, completionTime: '2026-01-01T00:00:09Z', conditions: [{ type: 'Complete', status: 'True' }] },
      }).slice(1, 4),
      ['Complete', '0/1 of 3', '9s'],
    ],
    [
      'cronjob',
      row('batch/v1', 'CronJob', { spec: { schedule: '* * * * *', suspend: false, jobTemplate: { spec: { template } } } }),
      ['x', '* * * * *', '<none>', 'False', 0, '<none>', '60m', 'c,d', 'i:1,j', '<none>'],
    ],
    ['networkpolicy for all pods', row('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {} } }), ['x', '<none>', '60m']],
    [
      'ingress',
      row('networking.k8s.io/v1', 'Ingress', { spec: { tls: [{}], rules: [{ host: 'a' }, {}] }, status: {} }),
      ['x', '<none>', 'a,*', '', '80, 443', '60m'],
    ],
    ['role: created at', row('rbac.authorization.k8s.io/v1', 'Role', {}), ['x', created]],
    [
      'rolebinding',
      row('rbac.authorization.k8s.io/v1', 'RoleBinding', {
        roleRef: { kind: 'Role', name: 'r' },
        subjects: [
          { kind: 'User', name: 'u' },
          { kind: 'ServiceAccount', name: 's', namespace: 'n' },
        ],
      }),
      ['x', 'Role/r', '60m', 'u', '', 'n/s'],
    ],
    ['a kind without printer', row('v1', 'Binding', {}), ['x', created]],
    [
      'autoscaler of another metric and a third',
      row('autoscaling/v2', 'HorizontalPodAutoscaler', {
        spec: {
          metrics: [
            { type: 'Pods', pods: { target: { averageValue: '5' } } },
            { type: 'External', external: { target: { averageValue: '7' } } },
            { type: 'Object', object: { target: { value: '9' } } },
          ],
        },
        status: { currentMetrics: [{ type: 'Pods', pods: { current: { averageValue: '3' } } }] },
      })[2],
      '3/5, <unknown>/7 (avg) + 1 more...',
    ],
    [
      'autoscaler in the old version',
      row('autoscaling/v1', 'HorizontalPodAutoscaler', {
        spec: { targetCPUUtilizationPercentage: 50 },
        status: { currentCPUUtilizationPercentage: 20 },
      })[2],
      'cpu: 20%/50%',
    ],
    [
      'pod template',
      row('v1', 'PodTemplate', { template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } }),
      ['x', 'c', 'i', 'a=b'],
    ],
    ['scale', row('autoscaling/v1', 'Scale', { spec: { replicas: 3 }, status: { replicas: 2 } }), ['x', 3, 2, '60m']],
    [
      'volume attachment',
      row('storage.k8s.io/v1', 'VolumeAttachment', { spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } } }),
      ['x', 'a', 'v', 'n', false, '60m'],
    ],
    [
      'CSI driver',
      row('storage.k8s.io/v1', 'CSIDriver', { spec: { attachRequired: false, tokenRequests: [{ audience: 'a' }, { audience: 'b' }] } }),
      ['x', false, false, false, 'a,b', false, '<none>', '60m'],
    ],
    [
      'address of a service',
      row('networking.k8s.io/v1', 'IPAddress', { spec: { parentRef: { resource: 'services', namespace: 'n', name: 's' } } }),
      ['x', 'services/n/s'],
    ],
    [
      'component',
      row('v1', 'ComponentStatus', { conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] }),
      ['x', 'Healthy', 'ok', ''],
    ],
    [
      'flow schema',
      row('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', {
        spec: { priorityLevelConfiguration: { name: 'p' }, matchingPrecedence: 5, distinguisherMethod: { type: 'ByUser' } },
        status: { conditions: [{ type: 'Dangling', status: 'False' }] },
      }),
      ['x', 'p', 5, 'ByUser', '60m', 'False'],
    ],
    [
      'priority level that limits nothing',
      row('flowcontrol.apiserver.k8s.io/v1', 'PriorityLevelConfiguration', { spec: { type: 'Exempt' } }),
      ['x', 'Exempt', '<none>', '<none>', '<none>', '<none>', '60m'],
    ],
    [
      'binding of an admission policy',
      row('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding', { spec: { policyName: 'p', paramRef: { name: 'q' } } }),
      ['x', 'p', '*/q', '60m'],
    ],
    [
      'resource claim',
      row('resource.k8s.io/v1', 'ResourceClaim', { status: { allocation: {}, reservedFor: [{}] } }),
      ['x', 'allocated,reserved', '60m'],
    ],
  ];
  for (const [name, found, cells] of rows) test(name, () => assert.deepEqual(found, cells));

  test('an object that lacks everything still has every cell', () => {
    const registry = SchemaRegistry.builtin();
    for (const { group, version, kind } of registry.resources()) {
      const cells = renderRow({ group, version, kind }, { apiVersion: formatApiVersion(group, version), kind, metadata: {} }, now);
      assert.equal(cells.length, tableColumns({ group, version, kind }).length, `${group}/${version} ${kind}`);
      assert.ok(
        cells.every((cell) => cell !== undefined && cell !== null),
        `${kind}: ${JSON.stringify(cells)}`,
      );
    }
  });
});
