/**
 * Who is behind an address, as a resource that a server's agent asks for by name: an assignment of one endpoint, whose metadata says what
 * endpoints say of themselves everywhere, and which pod and service account it is.
 */
import { create, fromBinary } from '@bufbuild/protobuf';
import { ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { type VersionedResource, versioned } from './server/snapshot.ts';

export interface Peer {
  readonly namespace: string;
  readonly pod: string;
  readonly serviceAccount: string;
  /** `name;namespace;canonical service;canonical revision;cluster` */
  readonly workload: string;
}

/** Istio's key for what endpoints say of themselves. */
const metadataFilter = 'istio';

/** Name of the resource. */
export function peerName(address: string): string {
  return `peer|${address}`;
}

export function renderPeer(address: string, peer: Peer): VersionedResource {
  const place = {
    address: { case: 'socketAddress' as const, value: { address, portSpecifier: { case: 'portValue' as const, value: 0 } } },
  };
  const endpoint = {
    hostIdentifier: { case: 'endpoint' as const, value: { address: place } },
    metadata: { filterMetadata: { [metadataFilter]: { ...peer } } },
  };
  return versioned(
    ClusterLoadAssignmentSchema,
    create(ClusterLoadAssignmentSchema, { clusterName: peerName(address), endpoints: [{ lbEndpoints: [endpoint] }] }),
  );
}

/** @throws Error on bytes that are no such resource */
export function readPeer(value: Uint8Array): Peer {
  const { clusterName, endpoints } = fromBinary(ClusterLoadAssignmentSchema, value);
  const fields = endpoints[0]?.lbEndpoints[0]?.metadata?.filterMetadata[metadataFilter] ?? {};
  const text = (name: string): string => {
    const field = fields[name];
    if (typeof field !== 'string') throw new Error(`${clusterName}: metadata "${name}" is ${JSON.stringify(field)}, expected a text`);
    return field;
  };
  return { namespace: text('namespace'), pod: text('pod'), serviceAccount: text('serviceAccount'), workload: text('workload') };
}
