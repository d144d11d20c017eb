import type { Check } from '../../topic.ts';

/** A namespace from its start to its end. */
export const namespaceChecks: readonly Check[] = [
  { name: 'immortal namespace', send: 'DELETE /api/v1/namespaces/default' },
  { name: 'namespace goes', send: 'POST /api/v1/namespaces', body: { metadata: { name: 'parity-going' } }, only: ['status'] },
  {
    name: 'namespace holds something',
    send: 'POST /api/v1/namespaces/parity-going/configmaps',
    body: { metadata: { name: 'x', finalizers: ['example.com/hold'] } },
    only: ['metadata.name'],
  },
  { name: 'namespace is deleted', send: 'DELETE /api/v1/namespaces/parity-going', only: ['kind', 'status', 'spec'] },
  { name: 'nothing new in it', send: 'POST /api/v1/namespaces/parity-going/configmaps', body: { metadata: { name: 'y' } } },
  {
    name: 'namespace is finalized',
    send: 'PUT /api/v1/namespaces/parity-going/finalize',
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'parity-going' }, spec: { finalizers: [] } },
    only: ['kind', 'spec', 'status'],
  },
  { name: 'namespace is gone', send: 'GET /api/v1/namespaces/parity-going' },
];
