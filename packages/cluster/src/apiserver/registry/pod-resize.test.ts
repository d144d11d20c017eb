import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { checkResize } from './pod-resize.ts';

const small = { requests: { cpu: '1', memory: '1Gi' } };
const pod = (resources: object, extra: object = {}, status: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'main', image: 'i', resources }], ...extra },
  status: { qosClass: 'Burstable', ...status },
});
const init = (resources: object, restartPolicy?: string) => ({ initContainers: [{ name: 'init', resources, restartPolicy }] });
const running = (resources?: object) => ({ containerStatuses: [{ name: 'main', state: { running: {} }, resources }] });

describe('a resize', () => {
  const rows: [name: string, wanted: KubernetesObject, old: KubernetesObject, found: string[]][] = [
    ['more CPU', pod({ requests: { cpu: '2', memory: '1Gi' } }), pod(small), []],
    ['a limit besides', pod({ ...small, limits: { cpu: '2' } }), pod(small), []],
    ['another class of service', pod({ ...small, limits: { cpu: '1', memory: '1Gi' } }), pod(small), ['spec FieldValueInvalid']],
    ['less than was named', pod({ requests: { cpu: '1' } }), pod(small), ['spec.containers[0].resources.requests FieldValueForbidden']],
    ['of something else', pod({ requests: { ...small.requests, 'ephemeral-storage': '1Gi' } }), pod(small), ['spec FieldValueForbidden']],
    ['of a sidecar', pod(small, init({ requests: { cpu: '2' } }, 'Always')), pod(small, init({ requests: { cpu: '1' } }, 'Always')), []],
    [
      'of what runs before',
      pod(small, init({ requests: { cpu: '2' } })),
      pod(small, init({ requests: { cpu: '1' } })),
      ['spec FieldValueForbidden'],
    ],
    ['on a node that can', pod({ requests: { cpu: '2', memory: '1Gi' } }, {}, running({})), pod(small, {}, running({})), []],
    [
      'on a node that cannot',
      pod({ requests: { cpu: '2', memory: '1Gi' } }, {}, running()),
      pod(small, {}, running()),
      ['spec FieldValueForbidden'],
    ],
    ['of a pod with a size of its own', pod(small), pod(small, { resources: { limits: { cpu: '1' } } }), [' FieldValueForbidden']],
  ];
  for (const [name, wanted, old, found] of rows)
    test(name, () =>
      assert.deepEqual(
        checkResize(wanted, old).map(({ field, reason }) => `${field} ${reason}`),
        found,
      ),
    );
});
