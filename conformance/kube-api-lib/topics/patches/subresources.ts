import type { Check } from '../../topic.ts';
import { deployment } from './samples.ts';

const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';

/** Scale and status of the Deployment that the patches left. */
export const subresourceChecks: readonly Check[] = [
  { name: 'scale', send: 'GET $apps/deployments/d/scale' },
  {
    name: 'scale replaced',
    send: 'PUT $apps/deployments/d/scale',
    body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd', namespace: 't-patches' }, spec: { replicas: 5 } },
  },
  { name: 'scale patched', send: 'PATCH $apps/deployments/d/scale', type: merge, body: { spec: { replicas: 4 } } },
  { name: 'scale negative', send: 'PATCH $apps/deployments/d/scale', type: merge, body: { spec: { replicas: -4 } } },
  { name: 'scale of a wrong type', send: 'PATCH $apps/deployments/d/scale', type: merge, body: { spec: { replicas: 'x' } } },
  {
    name: 'scale applied',
    send: 'PATCH $apps/deployments/d/scale?fieldManager=scaler&force=true',
    type: 'application/apply-patch+yaml',
    body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas: 7 } },
  },
  { name: 'scale of what is not there', send: 'GET $apps/deployments/none/scale' },
  { name: 'scale of a kind without', send: 'GET $core/configmaps/x/scale' },
  { name: 'after scaling', send: 'GET $apps/deployments/d' },
  {
    name: 'status',
    send: 'PATCH $apps/deployments/d/status',
    type: merge,
    body: { spec: { replicas: 99 }, status: { replicas: 3, observedGeneration: 2, conditions: [{ type: 'Available', status: 'True' }] } },
  },
  {
    name: 'status with another condition',
    send: 'PATCH $apps/deployments/d/status',
    type: strategic,
    body: { status: { conditions: [{ type: 'Progressing', status: 'False', reason: 'No' }] } },
    only: ['status', 'metadata.generation'],
  },
  { name: 'status is wrong', send: 'PATCH $apps/deployments/d/status', type: merge, body: { status: { replicas: -1 } } },
  {
    name: 'status does not pass by the main path',
    send: 'PATCH $apps/deployments/d',
    type: merge,
    body: { status: { replicas: 9 } },
    only: ['status.replicas'],
  },
  {
    name: 'status by replacing',
    send: 'PUT $apps/deployments/d/status',
    body: { ...deployment('d'), status: { replicas: 1, readyReplicas: 1 } },
  },
  { name: 'status of a kind without', send: 'GET $core/configmaps/x/status' },
  { name: 'a subresource unknown', send: 'GET $apps/deployments/d/nothing' },
];
