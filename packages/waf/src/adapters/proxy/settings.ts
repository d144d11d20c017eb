/** The variables of the owasp/modsecurity-crs image as settings of the reverse proxy. A bad one refuses the start. */
import {
  between,
  type DirectiveRow,
  type Environment,
  matching,
  oneOf,
  onOff,
  parseBackend,
  type Reading,
  readDirectives,
  readRuleSetVariables,
  readVariable,
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

const ownDirectives: readonly DirectiveRow[] = [
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
      ...readDirectives(env, ownDirectives).flatMap(([directive, value]) => {
        if (value === '') return [];
        return `${directive} ${directive === 'SecResponseBodyMimeType' ? value : `"${value}"`}`;
      }),
      ...readRuleSetVariables(env).map(
        ([key, value], index) => `SecAction "id:${190_000 + index},phase:1,nolog,pass,t:none,setvar:'tx.${key}=${value}'"`,
      ),
    ].join('\n'),
  };
}
