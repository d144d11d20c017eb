import type { Check } from '../../topic.ts';

export const merge = 'application/merge-patch+json';
export const container = { name: 'c', image: 'i' };
export const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [container], ...spec },
});
export const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
export const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } };
export const selector = { matchLabels: { a: 'b' } };
export const refusedPod = (name: string, spec: object): Check => ({
  name: `pod: ${name}`,
  send: 'POST $core/pods?dryRun=All',
  body: pod('x', spec),
});
export const made = (name: string, path: string, body: object): Check => ({ name, send: `POST ${path}?dryRun=All`, body });
export const quota = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name }, spec });
export const limits = (name: string, of: readonly object[]) => ({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { name },
  spec: { limits: of },
});
export const sized = (name: string, resources: object) => pod(name, { containers: [{ ...container, resources }] });
