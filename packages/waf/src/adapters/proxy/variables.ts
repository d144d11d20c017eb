/**
 * Variables of the owasp/modsecurity-crs image that mean the same whatever engine stands behind it. Values become SecLang or a server's
 * configuration, so each has a type that holds no quote, line end or macro.
 */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that cannot be used: its name, what was found and what is expected. */
export class VariableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VariableError';
  }
}

export interface Reading {
  /** @returns the value as written into the configuration, undefined when it does not fit */
  parse(text: string): string | undefined;
  readonly expected: string;
}

export const between = (low: number, high: number): Reading => ({
  parse: (text) => (/^\d{1,10}$/.test(text) && Number(text) >= low && Number(text) <= high ? String(Number(text)) : undefined),
  expected: `a whole number from ${low} to ${high}`,
});
export const oneOf = (...values: string[]): Reading => ({
  parse: (text) => values.find((value) => value.toLowerCase() === text.toLowerCase()),
  expected: values.length === 1 ? values[0]! : `one of ${values.join(', ')}`,
});
export const matching = (pattern: RegExp, expected: string): Reading => ({
  parse: (text) => (pattern.test(text) ? text : undefined),
  expected,
});
export const onOff = oneOf('On', 'Off');
const bytes = between(0, 2_147_483_647);
const words = matching(/^[\w ./+*|#()-]*$/, 'words of letters, digits and ./+*|#()-_');

/**
 * The first of the variables that is set and not empty.
 *
 * @throws VariableError
 */
export function readVariable(env: Environment, names: readonly string[], reading: Reading): string | undefined {
  const name = names.find((candidate) => env[candidate] !== undefined && env[candidate] !== '');
  if (name === undefined) return undefined;
  const value = reading.parse(env[name]!);
  if (value === undefined) throw new VariableError(`Cannot use ${name}="${env[name]}": expected ${reading.expected}`);
  return value;
}

/** @throws VariableError unless `text`, the value of variable `name`, is an address to pass requests on to */
export function parseBackend(name: string, text: string): URL {
  const isPlain = /^http:\/\/(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?(?:\/[\w./~-]*)?$/.test(text);
  if (!isPlain || !URL.canParse(text))
    throw new VariableError(`Cannot use ${name}="${text}": expected a URL such as http://127.0.0.1:8080/`);
  return new URL(text);
}

/** Variable, directive, reading, the image's default. */
export type DirectiveRow = readonly [variable: string, directive: string, Reading, fallback: string];

const directiveTable: readonly DirectiveRow[] = [
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
  ['MODSEC_ARGUMENTS_LIMIT', 'SecArgumentsLimit', between(1, 1_000_000), '1000'],
  ['MODSEC_AUDIT_ENGINE', 'SecAuditEngine', oneOf('On', 'Off', 'RelevantOnly'), 'RelevantOnly'],
];

/**
 * Directives and their values.
 *
 * @param own of one engine, after those of all
 * @throws VariableError
 */
export function readDirectives(env: Environment, own: readonly DirectiveRow[]): (readonly [directive: string, value: string])[] {
  return [...directiveTable, ...own].map(
    ([variable, directive, reading, fallback]) => [directive, readVariable(env, [variable], reading) ?? fallback] as const,
  );
}

const count = between(1, 2_147_483_647);

/** Variables, members of `tx` (those of CRS 3.3 and of 4), reading. Unset: what the Core Rule Set initialises. */
const ruleSetTable: readonly [readonly string[], readonly string[], Reading][] = [
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
  [['ARG_NAME_LENGTH'], ['arg_name_length'], count],
  [['ARG_LENGTH'], ['arg_length'], count],
  [['TOTAL_ARG_LENGTH'], ['total_arg_length'], count],
  [['MAX_FILE_SIZE'], ['max_file_size'], count],
  [['COMBINED_FILE_SIZES'], ['combined_file_sizes'], count],
];

/**
 * Settings of the Core Rule Set: `tx` member and value, in the order of the table. The executing paranoia level holds the blocking one (rule
 * 901500 refuses every request otherwise).
 *
 * @throws VariableError
 */
export function readRuleSetVariables(env: Environment): (readonly [string, string])[] {
  const members = ruleSetTable.flatMap(([names, keys, reading]) => {
    const value = readVariable(env, names, reading);
    return value === undefined ? [] : keys.map((key) => [key, value] as const);
  });
  const levels = new Map(members);
  const blocking = levels.get('paranoia_level') ?? '1';
  const executing = levels.get('executing_paranoia_level') ?? blocking;
  if (Number(executing) < Number(blocking))
    throw new VariableError(
      `Cannot use DETECTION_PARANOIA (EXECUTING_PARANOIA)="${executing}": expected at least the blocking level, ${blocking}`,
    );
  return members;
}
