/**
 * Where proxies report what they carry: a JSON line on standard output, and an entry for the agent beside the proxy, which makes metrics
 * and flow records of it (agent/src/telemetry). Each entry names the service and, on the client's side, the workload that answered.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type AccessLog, AccessLogSchema } from '@palisade/xds/api/envoy/config/accesslog/v3/accesslog';
import { ApiVersion } from '@palisade/xds/api/envoy/config/core/v3/config_source';
import { FileAccessLogSchema } from '@palisade/xds/api/envoy/extensions/access_loggers/file/v3/file';
import {
  type CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '@palisade/xds/api/envoy/extensions/access_loggers/grpc/v3/als';
import type { CustomTagSchema } from '@palisade/xds/api/envoy/type/tracing/v3/custom_tag';
import { extension } from '../traffic/any.ts';
import { metadataFilter } from './metadata.ts';

export type LogKind = 'http' | 'tcp';

/** `inbound` and `outbound`: whose side reports. `refused`: connections that the inbound listener turned away. */
type LogName = 'inbound' | 'outbound' | 'refused';

/** The static cluster of the bootstrap behind which the agent listens (agent/src/bootstrap.ts). */
export const telemetryCluster = 'telemetry-grpc';

const fields = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  authority: '%REQ(:AUTHORITY)%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  request_id: '%REQ(X-REQUEST-ID)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  downstream_peer_uri_san: '%DOWNSTREAM_PEER_URI_SAN%',
};

const lines = create(
  AccessLogSchema,
  extension('envoy.access_loggers.file', FileAccessLogSchema, {
    path: '/dev/stdout',
    accessLogFormat: { case: 'logFormat', value: { format: { case: 'jsonFormat', value: fields } } },
  }),
);

/** Of a client's side: the cluster and the endpoint say what they are. */
export function outboundAccessLog(kind: LogKind): AccessLog[] {
  return [
    lines,
    entries(kind, 'outbound', [found('destination_service', 'cluster', 'service'), found('destination_workload', 'host', 'workload')]),
  ];
}

/** @param service behind the port, as `describeService` has it; a request that is denied has no cluster that could say it */
export function inboundAccessLog(kind: LogKind, service: string | undefined): AccessLog[] {
  const tags: Tag[] = service === undefined ? [] : [{ tag: 'destination_service', type: { case: 'literal', value: { value: service } } }];
  return [lines, entries(kind, 'inbound', tags)];
}

/** Of the inbound listener itself. Envoy writes an entry for every connection; the agent keeps those that were turned away. */
export function refusedAccessLog(): AccessLog[] {
  return [entries('tcp', 'refused', [])];
}

type Tag = MessageInitShape<typeof CustomTagSchema>;

function found(tag: string, kind: 'cluster' | 'host', key: string): Tag {
  return {
    tag,
    type: {
      case: 'metadata',
      value: {
        kind: { kind: { case: kind, value: {} } },
        metadataKey: { key: metadataFilter, path: [{ segment: { case: 'key', value: key } }] },
      },
    },
  };
}

function entries(kind: LogKind, logName: LogName, customTags: Tag[]): AccessLog {
  const commonConfig: MessageInitShape<typeof CommonGrpcAccessLogConfigSchema> = {
    logName,
    grpcService: { targetSpecifier: { case: 'envoyGrpc', value: { clusterName: telemetryCluster } } },
    transportApiVersion: ApiVersion.V3,
    // Fewer, larger messages; what is there goes after a second.
    bufferSizeBytes: 65_536,
    bufferFlushInterval: { seconds: 1n },
    customTags,
  };
  return create(
    AccessLogSchema,
    kind === 'http'
      ? extension('envoy.access_loggers.http_grpc', HttpGrpcAccessLogConfigSchema, { commonConfig })
      : extension('envoy.access_loggers.tcp_grpc', TcpGrpcAccessLogConfigSchema, { commonConfig }),
  );
}
