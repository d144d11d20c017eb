/** The variables of owasp/modsecurity-crs, of the v3.2 Apache images and of today's, read into settings. A bad one refuses the container. */
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
  VariableError,
} from '@palisade/waf/variables';
import { ImageConfigError } from './image.ts';

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

const pcreLimit = between(1, 2_147_483_647);
/** Of ModSecurity alone. */
const ownDirectives: readonly DirectiveRow[] = [
  ['MODSEC_PCRE_MATCH_LIMIT', 'SecPcreMatchLimit', pcreLimit, '100000'],
  ['MODSEC_PCRE_MATCH_LIMIT_RECURSION', 'SecPcreMatchLimitRecursion', pcreLimit, '100000'],
];

/** @param image as the pod wrote it: the v3 images listen on 80 and need SETPROXY, today's on 8080 and always pass on */
export function readModSecuritySettings(env: Environment, image: string): ModSecuritySettings {
  try {
    return readSettings(env, image);
  } catch (error) {
    throw error instanceof VariableError ? new ImageConfigError(error.message) : error;
  }
}

function readSettings(env: Environment, image: string): ModSecuritySettings {
  const isOld = /:v?[0-3](?:\.|-|$)/.test(image.replace(/@.*$/, ''));
  const read = (names: readonly string[], reading: Reading, fallback: string) => readVariable(env, names, reading) ?? fallback;
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
    auditCopy: readVariable(env, ['MODSEC_AUDIT_LOG'], matching(/^\/[\w./-]+$/, 'an absolute path')),
    directives: [
      ...readDirectives(env, ownDirectives),
      ['SecAuditLogType', read(['MODSEC_AUDIT_LOG_TYPE'], oneOf('Serial'), 'Serial')],
      // The headers and the messages are what flow records are made of.
      ['SecAuditLogParts', `A${[...new Set(`BH${parts.slice(1, -1)}`)].sort().join('')}Z`],
    ],
    transaction: readRuleSetVariables(env),
  };
}

function readBackend(env: Environment, isOld: boolean): string {
  const isProxy = /^(?:true|on|1)$/i.test(env['SETPROXY'] ?? '');
  const name = env['BACKEND'] ? 'BACKEND' : isProxy || !isOld ? 'PROXYLOCATION' : undefined;
  if (name === undefined)
    throw new ImageConfigError('SETPROXY is not "True": set it, and PROXYLOCATION to where requests go, such as http://127.0.0.1:8080/');
  const text = env[name] || (isOld ? undefined : 'http://localhost:80');
  if (text === undefined) throw new ImageConfigError(`${name} is missing: set it to where requests go, such as http://127.0.0.1:8080/`);
  parseBackend(name, text);
  return text.endsWith('/') ? text : `${text}/`;
}
