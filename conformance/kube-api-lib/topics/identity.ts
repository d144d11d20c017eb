import type { Topic } from '../topic.ts';
import { certificateRequests } from './identity/certificate-requests.ts';
import { nodeChecks } from './identity/nodes.ts';
import { tokenRequest } from './identity/token-request.ts';

const merge = 'application/merge-patch+json';
const review = (token: string, audiences?: readonly string[]) => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  spec: { token, ...(audiences && { audiences }) },
});

/** Service accounts, their tokens, and certificate requests. */
export const identity: Topic = {
  name: 'identity',
  checks: [
    {
      name: 'account',
      send: 'POST $core/serviceaccounts',
      body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } },
      save: { uid: 'metadata.uid' },
    },
    { name: 'token', send: 'POST $core/serviceaccounts/a/token', body: tokenRequest({}), save: { token: 'status.token' } },
    {
      name: 'token for an audience',
      send: 'POST $core/serviceaccounts/a/token',
      body: tokenRequest({ audiences: ['vault'], expirationSeconds: 3600 }),
      save: { vault: 'status.token' },
    },
    { name: 'token too short', send: 'POST $core/serviceaccounts/a/token', body: tokenRequest({ expirationSeconds: 60 }) },
    { name: 'token too long', send: 'POST $core/serviceaccounts/a/token', body: tokenRequest({ expirationSeconds: 4294967297 }) },
    { name: 'token of nobody', send: 'POST $core/serviceaccounts/none/token', body: tokenRequest({}) },
    {
      name: 'token for a pod that is not there',
      send: 'POST $core/serviceaccounts/a/token',
      body: tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'none' } }),
    },
    {
      name: 'token for a kind unknown',
      send: 'POST $core/serviceaccounts/a/token',
      body: tokenRequest({ boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'none' } }),
    },
    { name: 'a secret', send: 'POST $core/secrets', body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }, only: ['type'] },
    {
      name: 'token for a secret',
      send: 'POST $core/serviceaccounts/a/token',
      body: tokenRequest({ boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 's' } }),
    },
    {
      name: 'token for a secret of another uid',
      send: 'POST $core/serviceaccounts/a/token',
      body: tokenRequest({ boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 's', uid: 'x' } }),
    },
    {
      name: 'a pod',
      send: 'POST $core/pods',
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p' },
        spec: { serviceAccountName: 'a', containers: [{ name: 'c', image: 'i' }] },
      },
      only: ['spec.serviceAccountName'],
    },
    {
      name: 'token for a pod',
      send: 'POST $core/serviceaccounts/a/token',
      body: tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } }),
      save: { bound: 'status.token' },
    },
    {
      name: 'token for a pod of somebody else',
      send: 'POST $core/serviceaccounts/default/token',
      body: tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } }),
    },
    { name: 'token with a wrong name', send: 'POST $core/serviceaccounts/a/token', body: { ...tokenRequest({}), metadata: { name: 'b' } } },
    { name: 'token read', send: 'GET $core/serviceaccounts/a/token' },
    { name: 'review', send: 'POST /apis/authentication.k8s.io/v1/tokenreviews', body: review('$token') },
    { name: 'review of a pod', send: 'POST /apis/authentication.k8s.io/v1/tokenreviews', body: review('$bound') },
    {
      name: 'review for an audience',
      send: 'POST /apis/authentication.k8s.io/v1/tokenreviews',
      body: review('$vault', ['vault', 'other']),
    },
    { name: 'review for another audience', send: 'POST /apis/authentication.k8s.io/v1/tokenreviews', body: review('$vault') },
    { name: 'review of nonsense', send: 'POST /apis/authentication.k8s.io/v1/tokenreviews', body: review('nonsense') },
    { name: 'review of nothing', send: 'POST /apis/authentication.k8s.io/v1/tokenreviews', body: review('') },
    { name: 'review of a broken token', send: 'POST /apis/authentication.k8s.io/v1/tokenreviews', body: review('x$token') },
    { name: 'by token', send: 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews', token: '$bound', body: {} },
    { name: 'by token, forbidden', send: 'GET $core/pods', token: '$token' },
    { name: 'by token for somebody else', send: 'GET $core/pods', token: '$vault' },
    { name: 'by nonsense', send: 'GET $core/pods', token: 'nonsense' },
    { name: 'by nonsense at a path unknown', send: 'GET /nowhere', token: 'nonsense' },
    { name: 'pod goes', send: 'DELETE $core/pods/p?gracePeriodSeconds=0', only: ['metadata.name'] },
    { name: 'account goes', send: 'DELETE $core/serviceaccounts/a' },
    {
      name: 'keys',
      send: 'GET /openid/v1/jwks',
      accept: '*/*',
      only: ['keys.0.kty', 'keys.0.alg', 'keys.0.use', 'keys.0.crv', 'keys.length'],
    },
    {
      name: 'issuer',
      send: 'GET /.well-known/openid-configuration',
      only: ['issuer', 'response_types_supported', 'subject_types_supported', 'id_token_signing_alg_values_supported'],
    },
    { name: 'kubectl create token', kubectl: 'create token default' },
    { name: 'kubectl create token for nobody', kubectl: 'create token nobody' },
    { name: 'kubectl create serviceaccount', kubectl: 'create serviceaccount k' },
    { name: 'kubectl describe serviceaccount', kubectl: 'describe serviceaccount k' },
    ...certificateRequests,
    ...nodeChecks,
    {
      name: 'account changes its secrets',
      send: 'PATCH $core/serviceaccounts/default',
      type: merge,
      body: { imagePullSecrets: [{ name: 'x' }] },
      only: ['imagePullSecrets'],
    },
    {
      name: 'pod takes them over',
      send: 'POST $core/pods?dryRun=All',
      body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'q' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
    {
      name: 'pod of nobody',
      send: 'POST $core/pods?dryRun=All',
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'q' },
        spec: { serviceAccountName: 'nobody', containers: [{ name: 'c', image: 'i' }] },
      },
    },
    {
      name: 'pod without a token',
      send: 'POST $core/pods?dryRun=All',
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'q' },
        spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'i' }] },
      },
    },
  ],
};
