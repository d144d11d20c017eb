import type { Check } from '../../topic.ts';

const merge = 'application/merge-patch+json';
const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
/** A P-256 request for CN=system:node:n1, O=system:nodes, made once; requests hold no secret. */
const PEM =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIc01JR1NBZ0VBTURBeEZUQVRCZ05WQkFvTURITjVjM1JsYlRwdWIyUmxjekVYTUJVR0ExVUVBd3dPYzNsegpkR1Z0T201dlpHVTZiakV3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVNtK2cvamkwUGVLazN5Cm5SMWhtaE9zcGtFWjJLcHlrSWE2TGhLa3doczMwR3dOQnRSaXNRT3FvdWhZVnZJU1VQMStnRCtOV3JVNXkxWHYKZ3lnc1JCWkdvQUF3Q2dZSUtvWkl6ajBFQXdJRFNRQXdSZ0loQU1SL1F4Y21EK2NJTS9FSytEeEJaR0ZwNWsrWgpCaWEzdzhxUDBkWjcxYkkrQWlFQXpFYlFYM01CaFN1djJsN0srbjhxN25acEpPZWo1MXdYV1VOMlVKcE9YV0E9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=';
const csr = (name: string, spec: object) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: PEM, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], ...spec },
});

/** Who may ask for a certificate, and who may approve it. */
export const certificateRequests: readonly Check[] = [
  { name: 'request that is no PEM', send: `POST ${csrs}`, body: csr('n1', { request: 'eA==' }) },
  { name: 'request without a signer', send: `POST ${csrs}`, body: csr('n1', { signerName: undefined }) },
  { name: 'request for a bad signer', send: `POST ${csrs}`, body: csr('n1', { signerName: 'nodomain' }) },
  { name: 'request without usages', send: `POST ${csrs}`, body: csr('n1', { usages: [] }) },
  { name: 'request for a usage unknown', send: `POST ${csrs}`, body: csr('n1', { usages: ['world domination'] }) },
  { name: 'request that expires at once', send: `POST ${csrs}`, body: csr('n1', { expirationSeconds: 5 }) },
  {
    name: 'request for a kubelet as a client',
    send: `POST ${csrs}`,
    body: csr('n1', { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] }),
  },
  { name: 'request of the administrator', send: `POST ${csrs}`, body: csr('n2', {}) },
  {
    name: 'request by a node',
    send: `POST ${csrs}`,
    as: 'system:node:n1',
    groups: ['system:nodes'],
    body: csr('n3', { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] }),
  },
  { name: 'request with a user of its own', send: `POST ${csrs}?dryRun=All`, body: csr('n4', { username: 'other', groups: ['x'] }) },
  {
    name: 'request is changed',
    send: `PATCH ${csrs}/n2`,
    type: merge,
    body: { spec: { usages: ['server auth'] } },
    only: ['spec.usages'],
  },
  {
    name: 'request is approved by nobody',
    send: `PATCH ${csrs}/n2/approval`,
    type: merge,
    as: 'jane',
    body: { status: { conditions: [{ type: 'Approved', status: 'True' }] } },
  },
  {
    name: 'request is approved with False',
    send: `PATCH ${csrs}/n2/approval`,
    type: merge,
    body: { status: { conditions: [{ type: 'Approved', status: 'False' }] } },
  },
  { name: 'kubectl approves', kubectl: 'certificate approve n2' },
  { name: 'request is approved', send: `GET ${csrs}/n2`, only: ['status', 'spec.username', 'spec.groups'] },
  {
    name: 'request is denied after',
    send: `PATCH ${csrs}/n2/approval`,
    type: merge,
    body: { status: { conditions: [{ type: 'Denied', status: 'True' }] } },
  },
  { name: 'kubectl denies', kubectl: 'certificate deny n3' },
  { name: 'request gets no certificate', send: `PATCH ${csrs}/n2/status`, type: merge, body: { status: { certificate: 'eA==' } } },
  { name: 'kubectl lists requests', kubectl: 'get csr' },
  { name: 'kubectl describes a request', kubectl: 'describe csr n3' },
];
