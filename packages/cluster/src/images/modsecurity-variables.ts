/**
 * The variables of owasp/modsecurity-crs, of the v3.2 Apache images and of today's, read into settings. Values end up in Apache's
 * configuration, so each has a type that holds no quote, line end or macro; a bad one refuses the container.
 */
import { ImageConfigError } from './image.ts';

type Environment = Readonly<Record<string, string>>;

export interface ModSecuritySettings {
  readonly port: number;
  /** With a trailing slash. */
  readonly backend: string;
  readonly serverName: string;
  readonly timeoutSeconds: number;
  readonly proxyTimeoutSeconds: number;
  readonly isHostPreserved: boolean;
  readonly ruleEngine: 'On' | 'Off' | 'DetectionOnly';
  readonly auditFormat: 'JSON' | 'Native';
  /** A second place for the audit log: a path, or `/dev/stdout`. */
  readonly auditCopy: string | undefined;
  /** ModSecurity directives in order, name and value. */
  readonly directives: readonly (readonly [string, string])[];
  /** Core Rule Set settings, `tx` variable and value. */
  readonly transaction: readonly (readonly [string, string])[];
}

interface Reading {
  /** @returns the value as written into the configuration, undefined when it does not fit */
  parse(text: string): string | undefined;
  readonly wanted: string;
}

const between = (low: number, high: number): Reading => ({
  parse: (text) => (/^\d{1,10}$/.test(text) && Number(text) >= low && Number(text) <= high ? String(Number(text)) : undefined),
  wanted: `a whole number, ${low} to ${high}`,
});
const oneOf = (...values: string[]): Reading => ({
  parse: (text) => values.find((value) => value.toLowerCase() === text.toLowerCase()),
  wanted: values.join(', '),
});
const matching = (pattern: RegExp, wanted: string): Reading => ({ parse: (text) => (pattern.test(text) ? text : undefined), wanted });

const onOff = oneOf('On', 'Off');
const bytes = between(0, 2_147_483_647);
const words = matching(/^[\w ./+*|#()-]*$/, 'words of letters, digits and ./+*|#()-_');

/** Variable names (any of them), directive, reading, default. */
const directiveTable: readonly [readonly string[], string, Reading, string][] = [
  [['MODSEC_REQ_BODY_ACCESS'], 'SecRequestBodyAccess', onOff, 'On'],
  [['MODSEC_REQ_BODY_LIMIT'], 'SecRequestBodyLimit', bytes, '13107200'],
  [['MODSEC_REQ_BODY_NOFILES_LIMIT'], 'SecRequestBodyNoFilesLimit', bytes, '131072'],
  [['MODSEC_REQ_BODY_LIMIT_ACTION'], 'SecRequestBodyLimitAction', oneOf('Reject', 'ProcessPartial'), 'Reject'],
  [['MODSEC_REQ_BODY_JSON_DEPTH_LIMIT'], 'SecRequestBodyJsonDepthLimit', between(1, 10_000), '512'],
  [['MODSEC_RESP_BODY_ACCESS'], 'SecResponseBodyAccess', onOff, 'On'],
  [['MODSEC_RESP_BODY_LIMIT'], 'SecResponseBodyLimit', bytes, '1048576'],
  [['MODSEC_RESP_BODY_LIMIT_ACTION'], 'SecResponseBodyLimitAction', oneOf('Reject', 'ProcessPartial'), 'ProcessPartial'],
  [['MODSEC_RESP_BODY_MIMETYPE'], 'SecResponseBodyMimeType', words, 'text/plain text/html text/xml'],
  [['MODSEC_PCRE_MATCH_LIMIT'], 'SecPcreMatchLimit', between(1, 2_147_483_647), '100000'],
  [['MODSEC_PCRE_MATCH_LIMIT_RECURSION'], 'SecPcreMatchLimitRecursion', between(1, 2_147_483_647), '100000'],
  [['MODSEC_ARGUMENT_SEPARATOR'], 'SecArgumentSeparator', oneOf('&', ';'), '&'],
  [['MODSEC_ARGUMENTS_LIMIT'], 'SecArgumentsLimit', between(1, 1_000_000), '1000'],
  [['MODSEC_AUDIT_ENGINE'], 'SecAuditEngine', oneOf('On', 'Off', 'RelevantOnly'), 'RelevantOnly'],
];

/** Variable names, `tx` variables (3.3's and 4's names), reading. Unset = what the Core Rule Set initialises. */
const transactionTable: readonly [readonly string[], readonly string[], Reading][] = [
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
  [['ARG_NAME_LENGTH'], ['arg_name_length'], between(1, 1_000_000)],
  [['ARG_LENGTH'], ['arg_length'], between(1, 100_000_000)],
  [['TOTAL_ARG_LENGTH'], ['total_arg_length'], between(1, 100_000_000)],
  [['MAX_FILE_SIZE'], ['max_file_size'], bytes],
  [['COMBINED_FILE_SIZES'], ['combined_file_sizes'], bytes],
];

/** @param image as the pod wrote it: the v3 images listen on 80 and need SETPROXY, today's on 8080 and always pass on */
export function readModSecuritySettings(env: Environment, image: string): ModSecuritySettings {
  const isOld = /:v?[0-3](?:\.|-|$)/.test(image.replace(/@.*$/, ''));
  const read = (names: readonly string[], reading: Reading, fallback: string) => readFirst(env, names, reading) ?? fallback;
  const levels = Object.fromEntries(
    transactionTable.flatMap(([names, variables, reading]) => {
      const value = readFirst(env, names, reading);
      return value === undefined ? [] : variables.map((variable) => [variable, value]);
    }),
  );
  checkLevels(levels);
  const parts = read(['MODSEC_AUDIT_LOG_PARTS'], matching(/^A[B-K]*Z$/, 'letters from A to Z, such as ABFHZ'), 'ABFHZ');
  return {
    port: Number(read(['PORT'], between(1, 65535), isOld ? '80' : '8080')),
    backend: readBackend(env, isOld),
    serverName: read(['SERVER_NAME', 'SERVERNAME'], matching(/^[\w.-]+$/, 'a host name'), 'localhost'),
    timeoutSeconds: Number(read(['TIMEOUT'], between(1, 3600), '60')),
    proxyTimeoutSeconds: Number(read(['PROXY_TIMEOUT'], between(1, 3600), '60')),
    // Seed 000 shows the old image's applications answering `hostheader: 127.0.0.1:8080`.
    isHostPreserved: read(['PROXY_PRESERVE_HOST'], onOff, isOld ? 'Off' : 'On') === 'On',
    ruleEngine: read(
      ['MODSEC_RULE_ENGINE', 'SEC_RULE_ENGINE'],
      oneOf('On', 'Off', 'DetectionOnly'),
      'On',
    ) as ModSecuritySettings['ruleEngine'],
    auditFormat: read(['MODSEC_AUDIT_LOG_FORMAT'], oneOf('JSON', 'Native'), 'JSON') as ModSecuritySettings['auditFormat'],
    auditCopy: readFirst(env, ['MODSEC_AUDIT_LOG'], matching(/^\/[\w./-]+$/, 'an absolute path')),
    directives: [
      ...directiveTable.map(([names, directive, reading, fallback]) => [directive, read(names, reading, fallback)] as const),
      ['SecAuditLogType', read(['MODSEC_AUDIT_LOG_TYPE'], oneOf('Serial'), 'Serial')],
      // The headers and the messages are what flow records are made of.
      ['SecAuditLogParts', `A${[...new Set(`BH${parts.slice(1, -1)}`)].sort().join('')}Z`],
    ],
    transaction: Object.entries(levels),
  };
}

/** The executing paranoia level holds the blocking one (Core Rule Set, rule 901500 refuses requests otherwise). */
function checkLevels(levels: Record<string, string>) {
  const { paranoia_level: blocking = '1', executing_paranoia_level: executing = blocking } = levels;
  if (Number(executing) >= Number(blocking)) return;
  throw new ImageConfigError(`Cannot use EXECUTING_PARANOIA="${executing}": expected at least the blocking level, ${blocking}`);
}

function readFirst(env: Environment, names: readonly string[], reading: Reading): string | undefined {
  const name = names.find((candidate) => env[candidate] !== undefined && env[candidate] !== '');
  if (name === undefined) return undefined;
  const value = reading.parse(env[name]!);
  if (value === undefined) throw new ImageConfigError(`Cannot use ${name}="${env[name]}": expected ${reading.wanted}`);
  return value;
}

function readBackend(env: Environment, isOld: boolean): string {
  const isProxy = /^(?:true|on|1)$/i.test(env['SETPROXY'] ?? '');
  const name = env['BACKEND'] ? 'BACKEND' : isProxy || !isOld ? 'PROXYLOCATION' : undefined;
  if (name === undefined)
    throw new ImageConfigError('SETPROXY is not "True": set it, and PROXYLOCATION to where requests go, such as http://127.0.0.1:8080/');
  const text = env[name] || (isOld ? undefined : 'http://localhost:80');
  if (text === undefined) throw new ImageConfigError(`${name} is missing: set it to where requests go, such as http://127.0.0.1:8080/`);
  const isUrl = /^http:\/\/(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?(?:\/[\w./~-]*)?$/.test(text);
  if (!isUrl || URL.parse(text) === null)
    throw new ImageConfigError(`Cannot use ${name}="${text}": expected a URL such as http://127.0.0.1:8080/`);
  return text.endsWith('/') ? text : `${text}/`;
}
