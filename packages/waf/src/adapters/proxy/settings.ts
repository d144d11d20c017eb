/**
 * The variables of the owasp/modsecurity-crs image as settings of the reverse proxy. Values become SecLang, so each has a
 * type that holds no quote, line end or macro; a bad one refuses the start.
 */
export interface ProxySettings {
  readonly port: number;
  readonly backend: URL;
  readonly isHostPreserved: boolean;
  readonly timeoutMs: number;
  readonly backendTimeoutMs: number;
  /** SecLang for before the rules. */
  readonly directives: string;
}

export class ProxyConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProxyConfigError';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;
interface Reading {
  parse(text: string): string | undefined;
  readonly wanted: string;
}

const between = (low: number, high: number): Reading => ({
  parse: (text) => (/^\d{1,10}$/.test(text) && Number(text) >= low && Number(text) <= high ? String(Number(text)) : undefined),
  wanted: `a whole number from ${low} to ${high}`,
});
const oneOf = (...values: string[]): Reading => ({
  parse: (text) => values.find((value) => value.toLowerCase() === text.toLowerCase()),
  wanted: `one of ${values.join(', ')}`,
});
const matching = (pattern: RegExp, wanted: string): Reading => ({ parse: (text) => (pattern.test(text) ? text : undefined), wanted });
const onOff = oneOf('On', 'Off');
const maxInt = 2_147_483_647;
const words = matching(/^[\w ./+*|#()-]*$/, 'words of letters, digits and ./+*|#()-_');
const path = matching(/^\/[\w./-]+$/, 'an absolute path');

/** Variable, directive, reading, the image's default. */
const directives: readonly [string, string, Reading, string][] = [
  ['MODSEC_REQ_BODY_ACCESS', 'SecRequestBodyAccess', onOff, 'On'],
  ['MODSEC_REQ_BODY_LIMIT', 'SecRequestBodyLimit', between(0, maxInt), '13107200'],
  ['MODSEC_REQ_BODY_NOFILES_LIMIT', 'SecRequestBodyNoFilesLimit', between(0, maxInt), '131072'],
  ['MODSEC_REQ_BODY_LIMIT_ACTION', 'SecRequestBodyLimitAction', oneOf('Reject', 'ProcessPartial'), 'Reject'],
  ['MODSEC_REQ_BODY_JSON_DEPTH_LIMIT', 'SecRequestBodyJsonDepthLimit', between(1, 10_000), '512'],
  ['MODSEC_RESP_BODY_ACCESS', 'SecResponseBodyAccess', onOff, 'On'],
  ['MODSEC_RESP_BODY_LIMIT', 'SecResponseBodyLimit', between(0, maxInt), '1048576'],
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

/** Variables (the first that is set), `tx` members of CRS 3.3 and 4, reading. Unset: what the Core Rule Set initialises. */
const transaction: readonly [readonly string[], readonly string[], Reading][] = [
  [['BLOCKING_PARANOIA', 'PARANOIA'], ['paranoia_level', 'blocking_paranoia_level'], between(1, 4)],
  [['DETECTION_PARANOIA', 'EXECUTING_PARANOIA'], ['executing_paranoia_level', 'detection_paranoia_level'], between(1, 4)],
  [['ANOMALY_INBOUND', 'ANOMALYIN'], ['inbound_anomaly_score_threshold'], between(1, 100_000)],
  [['ANOMALY_OUTBOUND', 'ANOMALYOUT'], ['outbound_anomaly_score_threshold'], between(1, 100_000)],
  [['ENFORCE_BODYPROC_URLENCODED'], ['enforce_bodyproc_urlencoded'], between(0, 1)],
  [['VALIDATE_UTF8_ENCODING'], ['crs_validate_utf8_encoding'], between(0, 1)],
  [['ALLOWED_METHODS'], ['allowed_methods'], words],
  [['ALLOWED_REQUEST_CONTENT_TYPE'], ['allowed_request_content_type'], words],
  [['ALLOWED_REQUEST_CONTENT_TYPE_CHARSET'], ['allowed_request_content_type_charset'], words],
  [['ALLOWED_HTTP_VERSIONS'], ['allowed_http_versions'], words],
  [['RESTRICTED_EXTENSIONS'], ['restricted_extensions'], words],
  [['RESTRICTED_HEADERS'], ['restricted_headers'], words],
  [['STATIC_EXTENSIONS'], ['static_extensions'], words],
  [['MAX_NUM_ARGS'], ['max_num_args'], between(1, 1_000_000)],
  [['ARG_NAME_LENGTH'], ['arg_name_length'], between(1, maxInt)],
  [['ARG_LENGTH'], ['arg_length'], between(1, maxInt)],
  [['TOTAL_ARG_LENGTH'], ['total_arg_length'], between(1, maxInt)],
  [['MAX_FILE_SIZE'], ['max_file_size'], between(1, maxInt)],
  [['COMBINED_FILE_SIZES'], ['combined_file_sizes'], between(1, maxInt)],
];

/** @throws ProxyConfigError naming the variable, what was found and what is wanted */
export function readProxySettings(env: Environment): ProxySettings {
  const find = (names: readonly string[], reading: Reading): string | undefined => {
    const name = names.find((candidate) => env[candidate] !== undefined && env[candidate] !== '');
    if (name === undefined) return undefined;
    const value = reading.parse(env[name]!);
    if (value === undefined) throw new ProxyConfigError(`Cannot use ${name}="${env[name]}": wanted ${reading.wanted}`);
    return value;
  };
  const read = (name: string, reading: Reading, fallback: string): string => find([name], reading) ?? fallback;
  const engine = find(['MODSEC_RULE_ENGINE', 'SEC_RULE_ENGINE'], oneOf('On', 'Off', 'DetectionOnly')) ?? 'On';
  const members = transaction.flatMap(([names, keys, reading]) => {
    const value = find(names, reading);
    return value === undefined ? [] : keys.map((key): [string, string] => [key, value]);
  });
  const levels = new Map(members);
  const blocking = levels.get('paranoia_level') ?? '1';
  const executing = levels.get('executing_paranoia_level') ?? blocking;
  if (Number(executing) < Number(blocking))
    throw new ProxyConfigError(`Cannot use DETECTION_PARANOIA="${executing}": wanted at least the blocking level, ${blocking}`);
  return {
    port: Number(read('PORT', between(0, 65_535), '8080')),
    backend: readBackend(env['BACKEND'] || env['PROXYLOCATION'] || 'http://localhost:80'),
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
      ...members.map(([key, value], index) => `SecAction "id:${190_000 + index},phase:1,nolog,pass,t:none,setvar:'tx.${key}=${value}'"`),
    ].join('\n'),
  };
}

function readBackend(text: string): URL {
  const isPlain = /^http:\/\/(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?(?:\/[\w./~-]*)?$/.test(text);
  if (!isPlain || !URL.canParse(text))
    throw new ProxyConfigError(`Cannot use BACKEND="${text}": wanted a URL such as http://127.0.0.1:8080/`);
  return new URL(text);
}
