import type { Check } from '../../topic.ts';
import { limits, made, merge, pod, quota, sized } from './samples.ts';

/** LimitRange and ResourceQuota, and what they do to pods. */
export const limitChecks: readonly Check[] = [
  {
    name: 'limits',
    send: 'POST $core/limitranges',
    body: limits('l', [
      {
        type: 'Container',
        default: { cpu: '500m', memory: '64Mi' },
        defaultRequest: { cpu: '100m' },
        max: { cpu: '1' },
        min: { cpu: '50m' },
      },
      { type: 'Pod', max: { cpu: '2' } },
    ]),
  },
  made(
    'limits upside down',
    '$core/limitranges',
    limits('l2', [{ type: 'Container', max: { cpu: '1' }, min: { cpu: '2' }, default: { cpu: '3' } }]),
  ),
  made('limits of a pod with defaults', '$core/limitranges', limits('l2', [{ type: 'Pod', default: { cpu: '1' } }])),
  made('limits twice', '$core/limitranges', limits('l2', [{ type: 'Container' }, { type: 'Container' }])),
  { name: 'pod takes the limits', kubectl: 'get limitrange l' },
  made('pod with limits by default', '$core/pods', pod('l')),
  made('pod above the limits', '$core/pods', sized('l', { requests: { cpu: '2' }, limits: { cpu: '2' } })),
  made('pod below the limits', '$core/pods', sized('l', { requests: { cpu: '10m' } })),
  { name: 'limits go', send: 'DELETE $core/limitranges/l', only: ['status'] },
  {
    name: 'quota',
    send: 'POST $core/resourcequotas',
    body: quota('q', { hard: { 'requests.cpu': '1', 'count/configmaps': '2', pods: '3' } }),
  },
  made('quota of negative hardness', '$core/resourcequotas', quota('q2', { hard: { pods: '-1' } })),
  made('quota of half a pod', '$core/resourcequotas', quota('q2', { hard: { pods: '500m' } })),
  made('quota of a resource unknown', '$core/resourcequotas', quota('q2', { hard: { things: '1' } })),
  made('quota with a scope unknown', '$core/resourcequotas', quota('q2', { hard: { pods: '1' }, scopes: ['Odd'] })),
  made(
    'quota with two scopes against each other',
    '$core/resourcequotas',
    quota('q2', { hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] }),
  ),
  {
    name: 'quota counted',
    send: 'PATCH $core/resourcequotas/q/status',
    type: merge,
    body: {
      status: {
        hard: { 'requests.cpu': '1', 'count/configmaps': '2', pods: '3' },
        used: { 'requests.cpu': '500m', 'count/configmaps': '1', pods: '0' },
      },
    },
    only: ['status'],
  },
  { name: 'pod within the quota', send: 'POST $core/pods', body: sized('in', { requests: { cpu: '500m' } }), only: ['kind', 'message'] },
  { name: 'pod above the quota', send: 'POST $core/pods', body: sized('over', { requests: { cpu: '1' } }) },
  { name: 'pod that does not say', send: 'POST $core/pods', body: pod('silent') },
  { name: 'one object more', send: 'POST $core/configmaps', body: { metadata: { name: 'one' } }, only: ['metadata.name', 'message'] },
  { name: 'one object too many', send: 'POST $core/configmaps', body: { metadata: { name: 'two' } } },
  { name: 'quota shows it', send: 'GET $core/resourcequotas/q', only: ['status.used'] },
  { name: 'quota table', kubectl: 'get quota' },
  { name: 'quota described', kubectl: 'describe quota q' },
];
