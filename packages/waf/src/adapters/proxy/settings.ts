/**
 * The variables of the owasp/modsecurity-crs image as settings of the reverse proxy. Values become SecLang, so each has a
 * type that holds no quote, line end or macro; a bad one refuses the start.
 */
import {
  between,
  bytes,
  type Environment,
  matching,
  oneOf,
  onOff,
  parseBackend,
  type Reading,
  readRuleSetVariables,
  readVariable,
  words,
} from './variables.ts';

export interface ProxySettings {
  readonly port: number;
  readonly backend: URL;
  readonly isHostPreserved: boolean;
  readonly timeoutMs: number;
  readonly backendTimeoutMs: number;
  /** SecLang for before the rules. */
  readonly directives: string;
}

const path = matching(/^\/[\w./-]+$/, 'an absolute path');

/** Variable, directive, reading, the image's default. */
const directives: readonly [string, string, Reading, string][] = [
  ['MODSEC_REQ_BODY_ACCESS', 'SecRequestBodyAccess', onOff, 'On'],
  ['MODSEC_REQ_BODY_LIMIT', 'SecRequestBodyLimit', bytes, '13107200'],
  ['MODSEC_REQ_BODY_NOFILES_LIMIT', 'SecRequestBodyNoFilesLimit', bytes, '131072'],
  ['MODSEC_REQ_BODY_LIMIT_ACTION', 'SecRequestBodyLimitAction', oneOf('Reject', 'ProcessPartial'), 'Reject'],
  ['MODSEC_REQ_BODY_JSON_DEPTH_LIMIT', 'SecRequestBodyJsonDepthLimit', between(1, 10_000), '512'],
  ['MODSEC_RESP_BODY_ACCESS', 'SecResponseBodyAccess', onOff, 'On'],
  ['MODSEC_RESP_BODY_LIMIT', 'SecResponseBodyLimit', bytes, '1048576'],
  ['MODSEC_RESP_BODY_LIMIT_ACTION', 'SecResponseBodyLimitAction', oneOf('Reject', 'ProcessPartial'), 'ProcessPartial'],
  ['MODSEC_RESP_BODY_MIMETYPE', 'SecResponseBodyMimeType', words, 'text/plain text/html text/xml'],
  ['MODSEC_ARGUMENT_SEPARATOR', 'SecArgumentSeparator', oneOf('&', ';'), '&'],
  ['MODSEC_AUDIT_ENGINE', 'SecAuditEngine', oneOf('On', 'Off', 'RelevantOnly'), 'RelevantOnly'],
  ['MODSEC_AUDIT_LOG', 'SecAuditLog', path, '/dev/stdout'],
  ['MODSEC_AUDIT_LOG_FORMAT', 'SecAuditLogFormat', oneOf('JSON', 'Native'), 'JSON'],
  ['MODSEC_AUDIT_LOG_PARTS', 'SecAuditLogParts', matching(/^[A-K]+Z$/, 'letters from A to K and Z'), 'ABFHZ'],
  [
    'MODSEC_AUDIT_LOG_RELEVANT_STATUS',
    'SecAuditLogRelevantStatus',
    matching(/^[\w^$?:!|()[\].*+-]+$/, 'a pattern of statuses'),
    '^(?:5|4(?!04))',
  ],
  ['MODSEC_AUDIT_LOG_TYPE', 'SecAuditLogType', oneOf('Serial', 'Concurrent'), 'Serial'],
  ['MODSEC_AUDIT_STORAGE_DIR', 'SecAuditLogStorageDir', path, '/var/log/modsecurity/audit'],
  ['MODSEC_DATA_DIR', 'SecDataDir', path, ''],
  ['MODSEC_DEBUG_LOG', 'SecDebugLog', path, '/dev/null'],
  ['MODSEC_DEBUG_LOGLEVEL', 'SecDebugLogLevel', between(0, 9), '0'],
  ['MODSEC_DISABLE_BACKEND_COMPRESSION', 'SecDisableBackendCompression', onOff, 'Off'],
  ['MODSEC_UPLOAD_DIR', 'SecUploadDir', path, '/tmp'],
  ['MODSEC_UPLOAD_FILE_MODE', 'SecUploadFileMode', matching(/^0?[0-7]{3}$/, 'permissions in octal'), '0600'],
  ['MODSEC_UPLOAD_KEEP_FILES', 'SecUploadKeepFiles', oneOf('On', 'Off', 'RelevantOnly'), 'Off'],
  ['MODSEC_ARGUMENTS_LIMIT', 'SecArgumentsLimit', between(1, 1_000_000), '1000'],
];

/** @throws VariableError */
export function readProxySettings(env: Environment): ProxySettings {
  const read = (name: string, reading: Reading, fallback: string): string => readVariable(env, [name], reading) ?? fallback;
  const engine = readVariable(env, ['MODSEC_RULE_ENGINE', 'SEC_RULE_ENGINE'], oneOf('On', 'Off', 'DetectionOnly')) ?? 'On';
  return {
    port: Number(read('PORT', between(0, 65_535), '8080')),
    backend: parseBackend('BACKEND', env['BACKEND'] || env['PROXYLOCATION'] || 'http://localhost:80'),
    isHostPreserved: read('PROXY_PRESERVE_HOST', onOff, 'On') === 'On',
    timeoutMs: Number(read('TIMEOUT', between(1, 3600), '60')) * 1000,
    backendTimeoutMs: Number(read('PROXY_TIMEOUT', between(1, 3600), '60')) * 1000,
    directives: [
      `SecRuleEngine ${engine}`,
      'SecResponseBodyMimeTypesClear',
      ...directives.flatMap(([name, directive, reading, fallback]) => {
        const value = read(name, reading, fallback);
        if (value === '') return [];
        return `${directive} ${directive === 'SecResponseBodyMimeType' ? value : `"${value}"`}`;
      }),
      ...readRuleSetVariables(env).map(
        ([key, value], index) => `SecAction "id:${190_000 + index},phase:1,nolog,pass,t:none,setvar:'tx.${key}=${value}'"`,
      ),
    ].join('\n'),
  };
}
