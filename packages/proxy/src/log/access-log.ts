/** `envoy.config.accesslog.v3.AccessLog`: lines in a file, and entries for the access log service. */
import type { Message } from '@bufbuild/protobuf';
import { type AccessLog, AccessLogSchema } from '@palisade/xds/api/envoy/config/accesslog/v3/accesslog';
import type { FileAccessLog } from '@palisade/xds/api/envoy/extensions/access_loggers/file/v3/file';
import { FileAccessLogSchema } from '@palisade/xds/api/envoy/extensions/access_loggers/file/v3/file';
import {
  type HttpGrpcAccessLogConfig,
  HttpGrpcAccessLogConfigSchema,
  type TcpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfigSchema,
} from '@palisade/xds/api/envoy/extensions/access_loggers/grpc/v3/als';
import { refuseUnread, unpack } from '../config/registry.ts';
import { unsupported } from '../proxy-error.ts';
import { compileJsonFormat, compileTextFormat, defaultFormat, type Format } from './format.ts';
import { compileReportLog } from './report-log.ts';
import type { LogSinks } from './sinks.ts';
import type { AccessLogger, LogSubject } from './subject.ts';

export function compileAccessLogs(logs: readonly AccessLog[], sinks: LogSinks, where: string): AccessLogger[] {
  return logs.map((log) => {
    const at = `${where}, access_log "${log.name}"`;
    refuseUnread(AccessLogSchema, log, ['name', 'typed_config', 'filter'], at);
    const wanted = compileFilter(log, at);
    const config = unpack(log.configType.value, at);
    const write = sinks.loggers.get(config) ?? compileLogger(config, sinks, at);
    sinks.loggers.set(config, write);
    return log.filter === undefined
      ? write
      : (subject) => {
          if (wanted(subject)) write(subject);
        };
  });
}

function compileLogger(message: Message, sinks: LogSinks, where: string): AccessLogger {
  switch (message.$typeName) {
    case FileAccessLogSchema.typeName: {
      const config = message as FileAccessLog;
      const format = compileFormat(config, where);
      const file = sinks.file(config.path);
      return (subject) => file.add(format, subject);
    }
    case HttpGrpcAccessLogConfigSchema.typeName:
      return compileReportLog('http', message as HttpGrpcAccessLogConfig, sinks, where);
    case TcpGrpcAccessLogConfigSchema.typeName:
      return compileReportLog('tcp', message as TcpGrpcAccessLogConfig, sinks, where);
    default:
      throw unsupported(where, `access logger "${message.$typeName}"`);
  }
}

function compileFilter(log: AccessLog, where: string): (subject: LogSubject) => boolean {
  const specifier = log.filter?.filterSpecifier;
  if (specifier === undefined) return () => true;
  if (specifier.case === 'responseFlagFilter') {
    const { flags } = specifier.value;
    return (subject) => (flags.length === 0 ? subject.flags !== '' : subject.flags.split(',').some((flag) => flags.includes(flag)));
  }
  if (specifier.case === 'notHealthCheckFilter') return () => true;
  throw unsupported(where, `filter "${specifier.case ?? 'nothing'}"`);
}

function compileFormat(config: FileAccessLog, where: string): Format {
  const format = config.accessLogFormat;
  switch (format.case) {
    case undefined:
      return compileTextFormat(defaultFormat, where);
    case 'format':
      return compileTextFormat(format.value, where);
    case 'jsonFormat':
    case 'typedJsonFormat':
      return compileJsonFormat(format.value, where);
    case 'logFormat': {
      const inner = format.value.format;
      if (inner.case === 'jsonFormat') return compileJsonFormat(inner.value, where);
      if (inner.case === 'textFormat') return compileTextFormat(inner.value, where);
      if (inner.case === 'textFormatSource' && inner.value.specifier.case === 'inlineString')
        return compileTextFormat(inner.value.specifier.value, where);
      throw unsupported(where, `log_format "${inner.case ?? 'nothing'}"`);
    }
    default:
      throw new Error(format satisfies never);
  }
}
