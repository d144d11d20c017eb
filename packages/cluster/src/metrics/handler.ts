import type { ServerResponse } from 'node:http';
import { parseLabelSelector } from '@palisade/kubernetes';
import type { AggregatedHandler } from '../contract.ts';
import type { MeasuredPod, Measurement } from './sampler.ts';
import { addRates, type Rate, renderRate } from './usage.ts';

export const metricsGroup = 'metrics.k8s.io';
export const metricsVersion = 'v1beta1';
const GROUP_VERSION = `${metricsGroup}/${metricsVersion}`;

export interface MetricsSource {
  current(): Measurement | undefined;
  /** The cluster's nodes with their labels. */
  nodes(): Promise<readonly MetricsNode[]>;
}

export interface MetricsNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Item {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels: Readonly<Record<string, string>> };
  readonly [field: string]: unknown;
}

const KINDS = { pods: 'PodMetrics', nodes: 'NodeMetrics' } as const;
const VERBS = ['get', 'list'];

/** For discovery: what `/apis` says of the group. */
export const metricsDiscovery = {
  metadata: { name: metricsGroup },
  versions: [
    {
      version: metricsVersion,
      freshness: 'Current',
      resources: (['nodes', 'pods'] as const).map((resource) => ({
        resource,
        responseKind: { group: metricsGroup, version: metricsVersion, kind: KINDS[resource] },
        scope: resource === 'pods' ? 'Namespaced' : 'Cluster',
        singularResource: '',
        verbs: VERBS,
      })),
    },
  ],
};

/** Serves metrics.k8s.io/v1beta1 as metrics-server does. A node's figures are the sum of its pods': virtual nodes share one machine. */
export function createMetricsHandler(source: MetricsSource): AggregatedHandler {
  return async (req, res) => {
    const url = new URL(req.url ?? '/', 'http://localhost');
    const path = url.pathname.split('/').filter(Boolean).slice(2);
    if (req.method !== 'GET') return sendStatus(res, 405, 'MethodNotAllowed', 'metrics can only be read');
    if (path.length === 0) return sendJson(res, group);
    if (path[0] !== metricsVersion) return sendMissing(res);
    if (path.length === 1) return sendJson(res, resourceList);
    const [namespace, rest] = path[1] === 'namespaces' ? [path[2], path.slice(3)] : [undefined, path.slice(1)];
    const [resource, name, extra] = rest;
    if ((resource !== 'pods' && resource !== 'nodes') || extra !== undefined) return sendMissing(res);
    // Nodes are in no namespace; one pod is always in one.
    if (namespace === undefined ? resource === 'pods' && name !== undefined : resource === 'nodes') return sendMissing(res);
    const measurement = source.current();
    if (measurement === undefined) return sendStatus(res, 503, 'ServiceUnavailable', 'metrics not available yet');
    const all = resource === 'pods' ? podItems(measurement) : nodeItems(measurement, await source.nodes());
    const items = namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
    if (name !== undefined) {
      const found = items.find(({ metadata }) => metadata.name === name);
      if (found === undefined)
        return sendStatus(
          res,
          404,
          'NotFound',
          `${resource}.${metricsGroup} "${namespace === undefined ? '' : `${namespace}/`}${name}" not found`,
        );
      return sendJson(res, { kind: KINDS[resource], apiVersion: GROUP_VERSION, ...found });
    }
    const chosen = select(items, url.searchParams);
    if (typeof chosen === 'string') return sendStatus(res, 400, 'BadRequest', chosen);
    sendJson(res, { kind: `${KINDS[resource]}List`, apiVersion: GROUP_VERSION, metadata: {}, items: chosen });
  };
}

function podItems(measurement: Measurement): Item[] {
  return measurement.pods.map(({ namespace, name, labels, containers }) => ({
    metadata: { name, namespace, creationTimestamp: null, labels },
    ...windowOf(measurement),
    containers: containers.map((each) => ({ name: each.name, usage: renderRate(each.rate) })),
  }));
}

function nodeItems(measurement: Measurement, nodes: readonly MetricsNode[]): Item[] {
  return nodes.map(({ name, labels }) => ({
    metadata: { name, creationTimestamp: null, labels },
    ...windowOf(measurement),
    usage: renderRate(totalOf(measurement.pods.filter(({ node }) => node === name))),
  }));
}

function totalOf(pods: readonly MeasuredPod[]): Rate {
  return pods.flatMap(({ containers }) => containers).reduce((sum, { rate }) => addRates(sum, rate), { cores: 0, memoryBytes: 0 });
}

function windowOf({ at, windowMs }: Measurement): { timestamp: string; window: string } {
  return { timestamp: at.toISOString().replace(/\.\d+Z$/, 'Z'), window: `${Math.round(windowMs / 1000)}s` };
}

/** @returns text when a selector cannot be read: an answer to another question misleads */
function select(items: readonly Item[], query: URLSearchParams): readonly Item[] | string {
  const byField = query.get('fieldSelector') ?? '';
  const field = /^metadata\.(name|namespace)==?([^,=!]*)$/.exec(byField);
  if (byField !== '' && field === null) return `Cannot use fieldSelector "${byField}": expected metadata.name= or metadata.namespace=`;
  try {
    const isChosen = parseLabelSelector(query.get('labelSelector') ?? '');
    return items.filter(
      ({ metadata }) => isChosen(metadata.labels) && (field === null || metadata[field[1] as 'name' | 'namespace'] === field[2]),
    );
  } catch (error) {
    return (error as Error).message;
  }
}

function sendJson(res: ServerResponse, value: unknown, code = 200): void {
  res.writeHead(code, { 'content-type': 'application/json' });
  res.end(`${JSON.stringify(value)}\n`);
}

function sendStatus(res: ServerResponse, code: number, reason: string, message: string): void {
  sendJson(res, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }, code);
}

function sendMissing(res: ServerResponse): void {
  sendStatus(res, 404, 'NotFound', 'the server could not find the requested resource');
}

const version = { groupVersion: GROUP_VERSION, version: metricsVersion };
const group = { kind: 'APIGroup', apiVersion: 'v1', name: metricsGroup, versions: [version], preferredVersion: version };
const resourceList = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: GROUP_VERSION,
  resources: (['nodes', 'pods'] as const).map((name) => ({
    name,
    singularName: '',
    namespaced: name === 'pods',
    kind: KINDS[name],
    verbs: VERBS,
  })),
};
