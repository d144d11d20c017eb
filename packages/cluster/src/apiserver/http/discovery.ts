import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { formatApiVersion, unknownResource, wrongRepresentation } from '@palisade/kubernetes';
import type { ResourceCatalog } from '../registry/catalog.ts';
import type { ServedResource } from '../registry/resource.ts';
import { negotiateDiscovery } from './negotiation.ts';
import { sendJson, sendText } from './respond.ts';

interface GroupVersions {
  readonly group: string;
  /** In order of preference. */
  readonly versions: { readonly version: string; readonly resources: ServedResource[] }[];
}

function groupsOf(catalog: ResourceCatalog): GroupVersions[] {
  const byGroup = Map.groupBy(catalog.all(), (served) => served.gvr.group);
  return [...byGroup].map(([group, resources]) => ({
    group,
    versions: [...Map.groupBy(resources, (served) => served.gvr.version)].map(([version, list]) => ({ version, resources: list })),
  }));
}

function describeAggregated({ info, gvk }: ServedResource): object {
  return {
    resource: info.resource,
    responseKind: { group: '', version: '', kind: gvk.kind },
    scope: info.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: info.singular,
    verbs: info.verbs,
    ...(info.shortNames.length > 0 ? { shortNames: info.shortNames } : {}),
    ...(info.categories.length > 0 ? { categories: info.categories } : {}),
    ...(info.subresources.length > 0
      ? {
          subresources: info.subresources.map((sub) => {
            const own = sub.kind.group === gvk.group && sub.kind.version === gvk.version;
            const responseKind = own ? { group: '', version: '', kind: sub.kind.kind } : sub.kind;
            return { subresource: sub.name, responseKind, verbs: sub.verbs };
          }),
        }
      : {}),
  };
}

function aggregatedList(groups: readonly GroupVersions[], version: 'v2', extra: readonly object[]): object {
  const items = groups.map(({ group, versions }) => ({
    metadata: group === '' ? {} : { name: group },
    versions: versions.map(({ version: name, resources }) => ({
      version: name,
      resources: resources.map(describeAggregated),
      freshness: 'Current',
    })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items: [...items, ...extra] };
}

function legacyGroup({ group, versions }: GroupVersions): Record<string, unknown> {
  const described = versions.map(({ version }) => ({ groupVersion: formatApiVersion(group, version), version }));
  return { name: group, versions: described, preferredVersion: described[0] };
}

function legacyResources(group: string, version: string, resources: readonly ServedResource[]): object {
  const list = resources.flatMap(({ info, gvk, storedApiVersion }) => {
    const storedKind = `${STORED_IN[gvk.kind] ?? (storedApiVersion.includes('/') ? storedApiVersion : `/${storedApiVersion}`)}/${gvk.kind}`;
    return [
      {
        name: info.resource,
        singularName: info.singular,
        namespaced: info.namespaced,
        kind: info.kind,
        verbs: info.verbs,
        ...(info.shortNames.length > 0 ? { shortNames: info.shortNames } : {}),
        ...(info.categories.length > 0 ? { categories: info.categories } : {}),
        ...(info.verbs.includes('create') && info.verbs.includes('list') ? { storageVersionHash: storageVersionHash(storedKind) } : {}),
      },
      ...info.subresources.map((sub) => {
        const own = sub.kind.group === gvk.group && sub.kind.version === gvk.version;
        const foreign = own ? {} : { group: sub.kind.group, version: sub.kind.version };
        return {
          name: `${info.resource}/${sub.name}`,
          singularName: '',
          namespaced: info.namespaced,
          ...foreign,
          kind: sub.kind.kind,
          verbs: sub.verbs,
        };
      }),
    ];
  });
  // The core group's list is the oldest of all and names no version of its own.
  const apiVersion = group === '' ? {} : { apiVersion: 'v1' };
  return { kind: 'APIResourceList', ...apiVersion, groupVersion: formatApiVersion(group, version), resources: list };
}

/** Kinds the real server stores in another version than it prefers. */
const STORED_IN: Readonly<Record<string, string>> = {
  CustomResourceDefinition: 'apiextensions.k8s.io/v1beta1',
  VolumeAttributesClass: 'storage.k8s.io/v1beta1',
};

/** Tells clients that look whether objects are stored in the version they know. */
function storageVersionHash(groupVersionKind: string): string {
  return createHash('sha256').update(groupVersionKind).digest().subarray(0, 8).toString('base64');
}

/** What other servers contribute: an item each for the aggregated list (v2). */
export type ForeignGroups = () => readonly {
  metadata: { name: string };
  versions: readonly { version: string; resources: readonly object[] }[];
}[];

/** Answers `/api`, `/apis` and what is below them up to a group version; false when the path is none of these. */
export function serveDiscovery(
  catalog: ResourceCatalog,
  foreign: ForeignGroups,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): boolean {
  const parts = path.split('/').filter((part) => part !== '');
  const groups = groupsOf(catalog);
  const core = groups.filter(({ group }) => group === '');
  const named = groups.filter(({ group }) => group !== '');
  if (parts.length === 1 && (parts[0] === 'api' || parts[0] === 'apis')) {
    const isCore = parts[0] === 'api';
    const version = negotiateDiscovery(req.headers.accept);
    if (version === null)
      throw wrongRepresentation(
        'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      );
    res.setHeader('Vary', 'Accept');
    if (version !== undefined) {
      const body = aggregatedList(isCore ? core : named, version, isCore ? [] : foreign());
      sendTagged(req, res, body, `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`);
      return true;
    }
    const foreignGroups = foreign().map(({ metadata, versions }) => {
      const described = versions.map((one) => ({ groupVersion: `${metadata.name}/${one.version}`, version: one.version }));
      return { name: metadata.name, versions: described, preferredVersion: described[0] };
    });
    const body = isCore
      ? {
          kind: 'APIVersions',
          versions: core.flatMap(({ versions }) => versions.map(({ version }) => version)),
          serverAddressByClientCIDRs: [
            { clientCIDR: '0.0.0.0/0', serverAddress: `${req.socket.localAddress ?? ''}:${req.socket.localPort ?? ''}` },
          ],
        }
      : { kind: 'APIGroupList', apiVersion: 'v1', groups: [...named.map(legacyGroup), ...foreignGroups] };
    sendTagged(req, res, body, 'application/json');
    return true;
  }
  const isCorePath = parts[0] === 'api';
  if (!isCorePath && parts[0] !== 'apis') return false;
  const [group = '', version] = isCorePath ? ['', parts[1]] : [parts[1], parts[2]];
  if (parts.length > (isCorePath ? 2 : 3)) return false;
  const found = groups.find((candidate) => candidate.group === group);
  if (found === undefined) {
    sendText(res, 404, '404 page not found\n');
    return true;
  }
  if (version === undefined) {
    sendJson(res, 200, { kind: 'APIGroup', apiVersion: 'v1', ...legacyGroup(found) });
    return true;
  }
  const wanted = found.versions.find((candidate) => candidate.version === version);
  if (wanted === undefined) throw unknownResource();
  else sendTagged(req, res, legacyResources(group, version, wanted.resources), 'application/json');
  return true;
}

/** With an ETag of the content: kubectl keeps what it has and asks again only for the tag. */
export function sendTagged(req: IncomingMessage, res: ServerResponse, body: object, contentType: string): void {
  const bytes = body instanceof Uint8Array ? body : JSON.stringify(body);
  const tag = `"${createHash('sha256').update(bytes).digest('hex').toUpperCase()}"`;
  res.setHeader('ETag', tag);
  res.setHeader('Cache-Control', 'public');
  if (req.headers['if-none-match'] === tag) {
    res.statusCode = 304;
    res.end();
    return;
  }
  res.statusCode = 200;
  res.setHeader('Content-Type', contentType);
  res.end(bytes);
}
