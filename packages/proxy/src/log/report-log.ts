/** `HttpGrpcAccessLogConfig` and `TcpGrpcAccessLogConfig`, compiled. */
import {
  CommonGrpcAccessLogConfigSchema,
  type HttpGrpcAccessLogConfig,
  HttpGrpcAccessLogConfigSchema,
  type TcpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfigSchema,
} from '@palisade/xds/api/envoy/extensions/access_loggers/grpc/v3/als';
import type { CustomTag as CustomTagConfig } from '@palisade/xds/api/envoy/type/tracing/v3/custom_tag';
import { milliseconds } from '../config/duration.ts';
import { refuseUnread } from '../config/registry.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { type CustomTag, createSharedParts, maxEntryBytes, writeHttpEntry, writeTcpEntry } from './entry.ts';
import type { LogSinks } from './sinks.ts';
import type { AccessLogger } from './subject.ts';

const read = ['log_name', 'grpc_service', 'transport_api_version', 'buffer_flush_interval', 'buffer_size_bytes', 'custom_tags'];
/** Envoy's defaults. */
const defaultFlushMs = 1000;
const defaultMessageBytes = 16_384;
const maxMessageBytes = 1024 * 1024;

export function compileReportLog(
  kind: 'http' | 'tcp',
  config: HttpGrpcAccessLogConfig | TcpGrpcAccessLogConfig,
  sinks: LogSinks,
  where: string,
): AccessLogger {
  refuseUnread(kind === 'http' ? HttpGrpcAccessLogConfigSchema : TcpGrpcAccessLogConfigSchema, config, ['common_config'], where);
  const common = config.commonConfig;
  if (common === undefined) throw new ProxyError('bad-config', `${where}: common_config is missing`);
  refuseUnread(CommonGrpcAccessLogConfigSchema, common, read, where);
  const target = common.grpcService?.targetSpecifier;
  if (target?.case !== 'envoyGrpc') throw unsupported(where, `gRPC target "${target?.case ?? 'nothing'}"`);
  const stream = sinks.reports(target.value.clusterName, {
    logName: common.logName,
    kind,
    flushMs: milliseconds(common.bufferFlushInterval, defaultFlushMs),
    messageBytes: Math.min(Math.max(common.bufferSizeBytes ?? defaultMessageBytes, maxEntryBytes), maxMessageBytes),
  });
  const shared = createSharedParts(common.customTags.map((tag) => compileTag(tag, where)));
  const write = kind === 'http' ? writeHttpEntry : writeTcpEntry;
  return (subject) => stream.add((out) => write(out, subject, shared));
}

function compileTag(tag: CustomTagConfig, where: string): CustomTag {
  const at = `${where}, custom tag "${tag.tag}"`;
  switch (tag.type.case) {
    case 'literal':
      return { name: tag.tag, from: 'literal', value: tag.type.value.value };
    case 'environment':
      return { name: tag.tag, from: 'literal', value: process.env[tag.type.value.name] ?? tag.type.value.defaultValue };
    case 'metadata': {
      const { kind, metadataKey, defaultValue } = tag.type.value;
      const from = kind?.kind.case;
      if (from !== 'cluster' && from !== 'host') throw unsupported(at, `metadata of kind "${from ?? 'nothing'}"`);
      const path = (metadataKey?.path ?? []).map((part) => (part.segment.case === 'key' ? part.segment.value : ''));
      return { name: tag.tag, from, filter: metadataKey?.key ?? '', path, otherwise: defaultValue };
    }
    default:
      throw unsupported(at, `type "${tag.type.case ?? 'nothing'}"`);
  }
}
