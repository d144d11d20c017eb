/** `envoy.data.accesslog.v3`: one request or connection as an entry of the access log service. */
import { RequestMethod } from '@palisade/xds/api/envoy/config/core/v3/base';
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { ConnectionFacts } from '../facts.ts';
import { type EntryWriter, written } from './entry-writer.ts';
import type { LogSubject } from './subject.ts';

/** A tag of every entry: a text of its own, or one found in the metadata of the cluster or of its endpoint. */
export type CustomTag =
  | { readonly name: string; readonly from: 'literal'; readonly value: string }
  | {
      readonly name: string;
      readonly from: 'cluster' | 'host';
      readonly filter: string;
      readonly path: readonly string[];
      readonly otherwise: string;
    };

/** More than any entry takes: the longest texts are cut below. */
export const maxEntryBytes = 16 * 1024;
const maxPathChars = 2048;
const maxSharedBytes = 4096;

const common = { remote: 2, local: 3, tls: 4, start: 5, last: 12, upstream: 13, cluster: 15, flags: 16, metadata: 17 } as const;
const moreCommon = { upstreamFailure: 18, route: 19, direct: 20, tags: 22, duration: 23, termination: 25, transportFailure: 28 } as const;

/** `ResponseFlags`: field numbers by Envoy's short names. */
const flagFields: Readonly<Record<string, number>> = {
  LH: 1,
  UH: 2,
  UT: 3,
  LR: 4,
  UR: 5,
  UF: 6,
  UC: 7,
  UO: 8,
  NR: 9,
  UAEX: 13,
  DC: 15,
  URX: 16,
  SI: 17,
  DPE: 19,
  UPE: 24,
  NC: 25,
  DR: 28,
};

/** Parts that many entries share, made once. */
export interface SharedParts {
  readonly fixed: Uint8Array;
  connection(facts: ConnectionFacts): Uint8Array;
  upstream(host: Host, cluster: Cluster | undefined): Uint8Array;
}

export function createSharedParts(tags: readonly CustomTag[]): SharedParts {
  const connections = new WeakMap<ConnectionFacts, Uint8Array>();
  const upstreams = new WeakMap<Host, { cluster: Cluster | undefined; place: unknown; bytes: Uint8Array }>();
  return {
    fixed: written(maxSharedBytes, (out) => {
      for (const tag of tags) if (tag.from === 'literal') writeTag(out, tag.name, tag.value);
    }),
    connection(facts) {
      let bytes = connections.get(facts);
      if (bytes === undefined) {
        bytes = written(maxSharedBytes, (out) => writeConnection(out, facts));
        connections.set(facts, bytes);
      }
      return bytes;
    },
    upstream(host, cluster) {
      const made = upstreams.get(host);
      if (made !== undefined && made.cluster === cluster && made.place === host.place) return made.bytes;
      const bytes = written(maxSharedBytes, (out) => writeUpstream(out, host, cluster, tags));
      upstreams.set(host, { cluster, place: host.place, bytes });
      return bytes;
    },
  };
}

export function writeHttpEntry(out: EntryWriter, subject: LogSubject, shared: SharedParts): void {
  writeCommon(out, subject, shared);
  // HTTPVersion counts from 1.0.
  out.number(2, subject.protocol === 'HTTP/1.0' ? 1 : 2);
  const request = out.open(3);
  out.number(1, methods[subject.method ?? ''] ?? 0);
  out.text(3, subject.authority);
  out.text(5, subject.path, maxPathChars);
  out.text(9, subject.requestHeader('x-request-id'), 64);
  out.number(12, subject.bytesReceived);
  out.close(request);
  const response = out.open(4);
  if (subject.status > 0) {
    const code = out.open(1);
    out.number(1, subject.status);
    out.close(code);
  }
  out.number(3, subject.bytesSent);
  out.text(6, subject.details);
  out.close(response);
}

export function writeTcpEntry(out: EntryWriter, subject: LogSubject, shared: SharedParts): void {
  writeCommon(out, subject, shared);
  const connection = out.open(2);
  out.number(1, subject.bytesReceived);
  out.number(2, subject.bytesSent);
  out.close(connection);
}

const methods: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(RequestMethod).flatMap(([name, value]) => (typeof value === 'number' ? [[name, value]] : [])),
);

function writeCommon(out: EntryWriter, subject: LogSubject, shared: SharedParts): void {
  const start = out.open(1);
  out.raw(shared.connection(subject.connection));
  out.time(common.start, subject.startMs);
  out.time(common.last, subject.endedAt - subject.startedAt);
  if (subject.host !== undefined) out.raw(shared.upstream(subject.host, subject.cluster));
  else out.text(common.cluster, subject.clusterName);
  if (subject.flags !== '') {
    const flags = out.open(common.flags);
    for (const name of subject.flags.split(',')) writeFlag(out, name);
    out.close(flags);
  }
  writeShadow(out, subject.metadata);
  out.raw(shared.fixed);
  out.text(moreCommon.upstreamFailure, subject.upstreamFailure);
  out.text(moreCommon.route, subject.routeName);
  out.time(moreCommon.duration, subject.endedAt - subject.startedAt);
  out.text(moreCommon.termination, subject.termination);
  out.text(moreCommon.transportFailure, subject.transportFailure);
  out.close(start);
}

function writeFlag(out: EntryWriter, name: string): void {
  const field = flagFields[name];
  if (field === undefined) return;
  if (name !== 'UAEX') out.number(field, 1);
  else {
    const details = out.open(field);
    out.number(1, 1);
    out.close(details);
  }
}

const rbac = 'envoy.filters.http.rbac';

/** Of dynamic metadata only what dry runs say: claims of tokens stay in the proxy. */
function writeShadow(out: EntryWriter, metadata: LogSubject['metadata']): void {
  const verdicts = metadata?.[rbac];
  if (typeof verdicts !== 'object' || verdicts === null) return;
  const all = out.open(common.metadata);
  const entry = out.open(1);
  out.text(1, rbac);
  const struct = out.open(2);
  for (const [key, value] of Object.entries(verdicts)) {
    const field = out.open(1);
    out.text(1, key);
    const inner = out.open(2);
    out.text(3, String(value));
    out.close(inner);
    out.close(field);
  }
  out.close(struct);
  out.close(entry);
  out.close(all);
}

function writeConnection(out: EntryWriter, facts: ConnectionFacts): void {
  writeAddress(out, common.remote, facts.source.text, facts.sourcePort);
  writeAddress(out, common.local, facts.destination.text, facts.destinationPort);
  writeAddress(out, moreCommon.direct, facts.source.text, facts.sourcePort);
  if (!facts.isTls) return;
  const tls = out.open(common.tls);
  out.text(3, facts.serverName);
  writeNames(out, 4, facts.localUriSans);
  if (facts.peer !== undefined) writeNames(out, 5, facts.peer.uriSans);
  out.close(tls);
}

function writeNames(out: EntryWriter, field: number, uris: readonly string[]): void {
  const names = out.open(field);
  for (const uri of uris.slice(0, 4)) {
    const name = out.open(1);
    out.text(1, uri);
    out.close(name);
  }
  out.close(names);
}

function writeAddress(out: EntryWriter, field: number, address: string, port: number): void {
  const outer = out.open(field);
  const socket = out.open(1);
  out.text(2, address, 64);
  out.number(3, port);
  out.close(socket);
  out.close(outer);
}

function writeUpstream(out: EntryWriter, host: Host, cluster: Cluster | undefined, tags: readonly CustomTag[]): void {
  writeAddress(out, common.upstream, host.place.address, host.place.port);
  out.text(common.cluster, cluster?.name);
  for (const tag of tags) {
    if (tag.from === 'literal') continue;
    const metadata = tag.from === 'host' ? host.place.metadata : cluster?.config.metadata?.filterMetadata;
    let value: unknown = metadata?.[tag.filter];
    for (const key of tag.path) value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    writeTag(out, tag.name, typeof value === 'string' ? value : tag.otherwise);
  }
}

function writeTag(out: EntryWriter, name: string, value: string): void {
  if (value === '') return;
  const entry = out.open(moreCommon.tags);
  out.text(1, name);
  out.text(2, value, 512);
  out.close(entry);
}
