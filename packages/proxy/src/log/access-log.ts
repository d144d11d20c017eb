/** `envoy.config.accesslog.v3.AccessLog` with the file logger. */
import { type AccessLog, AccessLogSchema } from '@palisade/xds/api/envoy/config/accesslog/v3/accesslog';
import type { FileAccessLog } from '@palisade/xds/api/envoy/extensions/access_loggers/file/v3/file';
import { FileAccessLogSchema } from '@palisade/xds/api/envoy/extensions/access_loggers/file/v3/file';
import { refuseUnread, unpack } from '../config/registry.ts';
import { unsupported } from '../proxy-error.ts';
import type { Stats } from '../stats/stats.ts';
import { compileJsonFormat, compileTextFormat, defaultFormat, type Format } from './format.ts';
import { LogFile } from './log-file.ts';
import type { LogSubject } from './operators.ts';

export type AccessLogger = (subject: LogSubject) => void;

/** Files by path, shared between listeners. */
export class LogFiles {
  readonly #files = new Map<string, LogFile>();
  readonly #stats: Stats;
  constructor(stats: Stats) {
    this.#stats = stats;
  }
  at(path: string): LogFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = new LogFile(path, this.#stats.counter('access_log_file.write_dropped'));
      this.#files.set(path, file);
    }
    return file;
  }
  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }
}

export function compileAccessLogs(logs: readonly AccessLog[], files: LogFiles, where: string): AccessLogger[] {
  return logs.flatMap((log) => {
    const at = `${where}, access_log "${log.name}"`;
    refuseUnread(AccessLogSchema, log, ['name', 'typed_config', 'filter'], at);
    const message = unpack(log.configType.value, at);
    // The agent that listens at the other end is not there yet; the line in the file is.
    if (message.$typeName.startsWith('envoy.extensions.access_loggers.grpc.v3.')) return [];
    if (message.$typeName !== FileAccessLogSchema.typeName) throw unsupported(at, `access logger "${message.$typeName}"`);
    const config = message as FileAccessLog;
    const format = compileFormat(config, at);
    const file = files.at(config.path);
    const wanted = compileFilter(log, at);
    return [
      (subject: LogSubject) => {
        if (wanted(subject)) file.write(format(subject));
      },
    ];
  });
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
