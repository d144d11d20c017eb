import type { Check } from '../../topic.ts';
import { made, merge, service } from './samples.ts';

/** Services and their addresses. */
export const serviceChecks: readonly Check[] = [
  { name: 'service', send: 'POST $core/services', body: service('s', { selector: { a: 'b' }, ports: [{ port: 80 }] }) },
  made('service without ports', '$core/services', service('x', { selector: { a: 'b' } })),
  made('service without names of ports', '$core/services', service('x', { ports: [{ port: 80 }, { port: 81 }] })),
  made(
    'service with a port twice',
    '$core/services',
    service('x', {
      ports: [
        { port: 80, name: 'a' },
        { port: 80, name: 'b' },
      ],
    }),
  ),
  made(
    'service with a name twice',
    '$core/services',
    service('x', {
      ports: [
        { port: 80, name: 'a' },
        { port: 81, name: 'a' },
      ],
    }),
  ),
  made('service with a bad port', '$core/services', service('x', { ports: [{ port: 0, targetPort: 'Bad Name', protocol: 'ABC' }] })),
  made('service of a type unknown', '$core/services', service('x', { type: 'Magic', ports: [{ port: 80 }] })),
  made('service with a bad selector', '$core/services', service('x', { selector: { 'a b': 'c' }, ports: [{ port: 80 }] })),
  made('service with a bad address', '$core/services', service('x', { clusterIP: 'x', ports: [{ port: 80 }] })),
  made('service out of range', '$core/services', service('x', { clusterIP: '192.0.2.1', ports: [{ port: 80 }] })),
  made('service that is external', '$core/services', service('x', { type: 'ExternalName', externalName: 'example.com' })),
  made('service external without a name', '$core/services', service('x', { type: 'ExternalName' })),
  made(
    'service external with an address',
    '$core/services',
    service('x', { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.5' }),
  ),
  made('service headless', '$core/services', service('x', { clusterIP: 'None', selector: { a: 'b' }, ports: [{ port: 80 }] })),
  made('service in both families', '$core/services', service('x', { ipFamilyPolicy: 'RequireDualStack', ports: [{ port: 80 }] })),
  made('service preferring both', '$core/services', service('x', { ipFamilyPolicy: 'PreferDualStack', ports: [{ port: 80 }] })),
  made('service in the second family', '$core/services', service('x', { ipFamilies: ['IPv6'], ports: [{ port: 80 }] })),
  made('service in a family twice', '$core/services', service('x', { ipFamilies: ['IPv4', 'IPv4'], ports: [{ port: 80 }] })),
  made('service in a family unknown', '$core/services', service('x', { ipFamilies: ['IPv5'], ports: [{ port: 80 }] })),
  made('service with a session', '$core/services', service('x', { sessionAffinity: 'ClientIP', ports: [{ port: 80 }] })),
  made('service with an odd session', '$core/services', service('x', { sessionAffinity: 'Cookie', ports: [{ port: 80 }] })),
  made(
    'service with a long session',
    '$core/services',
    service('x', { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 99999 } }, ports: [{ port: 80 }] }),
  ),
  made('service with a policy out of place', '$core/services', service('x', { externalTrafficPolicy: 'Local', ports: [{ port: 80 }] })),
  made('service with a node port out of place', '$core/services', service('x', { ports: [{ port: 80, nodePort: 30001 }] })),
  {
    name: 'service with a node port',
    send: 'POST $core/services',
    body: service('np', { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] }),
    only: ['spec.ports', 'spec.externalTrafficPolicy'],
  },
  {
    name: 'service with a node port taken',
    send: 'POST $core/services',
    body: service('np2', { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] }),
  },
  {
    name: 'service with a node port out of range',
    send: 'POST $core/services',
    body: service('np2', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
  },
  {
    name: 'service with a load balancer',
    send: 'POST $core/services',
    body: service('lb', { type: 'LoadBalancer', ports: [{ port: 80 }], externalTrafficPolicy: 'Local' }),
    only: ['spec'],
  },
  {
    name: 'service changes its address',
    send: 'PATCH $core/services/s',
    type: merge,
    body: { spec: { clusterIP: '10.96.0.77', clusterIPs: ['10.96.0.77'] } },
  },
  {
    name: 'service becomes external',
    send: 'PATCH $core/services/s',
    type: merge,
    body: { spec: { type: 'ExternalName', externalName: 'example.com' } },
  },
  { name: 'service table', kubectl: 'get services' },
  { name: 'service described', kubectl: 'describe service np' },
];
