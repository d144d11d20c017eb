/** Apache's whole configuration as text. */
import { CONTAINER_TOOLS } from './image.ts';
import type { ModSecuritySettings } from './modsecurity-variables.ts';

export interface ModSecurityPlace {
  /** The unpacked packages, as the server sees them. */
  readonly tools: string;
  /** Where the audit log goes, one transaction an entry. */
  readonly auditLog: string;
  /** A writable folder for the pid file and ModSecurity's collections. */
  readonly runtime: string;
  /** An address to listen on besides the port. */
  readonly listenAddress?: string;
}

export const containerPlace: ModSecurityPlace = {
  tools: CONTAINER_TOOLS,
  auditLog: '/var/log/palisade/modsec_audit.log',
  runtime: '/tmp',
};

const modules = ['mpm_event', 'authz_core', 'unique_id', 'reqtimeout', 'proxy', 'proxy_http', 'security2'];

/**
 * One child with few threads: the rules are parsed once and shared, and a sidecar sees few requests at a time. More children start
 * under load. `nocanon`, NoDecode and MergeSlashes leave the path as the client wrote it; `retry=0` lets an application that starts
 * after its sidecar be reached at once; `addressttl` (seconds) follows a backend's name to its new address.
 */
export function renderHttpd(settings: ModSecuritySettings, place: ModSecurityPlace): string {
  const { tools, runtime } = place;
  return `${[
    `ServerRoot ${runtime}`,
    `DefaultRuntimeDir ${runtime}`,
    `PidFile ${runtime}/httpd.pid`,
    `ServerName ${settings.serverName}`,
    `Listen ${place.listenAddress === undefined ? '' : `${place.listenAddress}:`}${settings.port}`,
    ...modules.map((name) => `LoadModule ${name}_module ${tools}/usr/lib/apache2/modules/mod_${name}.so`),
    'User www-data',
    'Group www-data',
    'ErrorLog /dev/stderr',
    'LogLevel warn',
    'LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined',
    'CustomLog /dev/stdout combined',
    'StartServers 1',
    'ServerLimit 4',
    'ThreadLimit 32',
    'ThreadsPerChild 32',
    'MinSpareThreads 8',
    'MaxSpareThreads 64',
    'MaxRequestWorkers 128',
    `Timeout ${settings.timeoutSeconds}`,
    'RequestReadTimeout header=20-40,MinRate=500 body=20,MinRate=500',
    'AllowEncodedSlashes NoDecode',
    'MergeSlashes Off',
    'TraceEnable Off',
    'ProxyRequests Off',
    `ProxyPreserveHost ${settings.isHostPreserved ? 'On' : 'Off'}`,
    `ProxyTimeout ${settings.proxyTimeoutSeconds}`,
    `ProxyPass / ${settings.backend} nocanon retry=0 addressttl=30 upgrade=websocket`,
    `ProxyPassReverse / ${settings.backend}`,
    ...renderModSecurity(settings, place),
    `Include ${tools}/etc/modsecurity/crs/crs-setup.conf`,
    ...settings.transaction.map(
      ([name, value], index) => `SecAction "id:${190_000 + index},phase:1,nolog,pass,t:none,setvar:'tx.${name}=${value}'"`,
    ),
    `Include ${tools}/usr/share/modsecurity-crs/rules/*.conf`,
  ].join('\n')}\n`;
}

/** Body parsers and their error checks, under the rule ids that ModSecurity's recommended configuration reserves for them. */
function renderModSecurity(settings: ModSecuritySettings, place: ModSecurityPlace): string[] {
  const { auditCopy, auditFormat } = settings;
  const tee = `|/usr/bin/tee -a ${place.auditLog}${auditCopy === '/dev/stdout' ? '' : ` ${auditCopy}`}`;
  const deny = (id: number, test: string, status: number, message: string) =>
    `SecRule ${test} "id:${id},phase:2,t:none,log,deny,status:${status},msg:'${message}',severity:2"`;
  return [
    `SecRuleEngine ${settings.ruleEngine}`,
    ...settings.directives.map(([name, value]) => (name === 'SecResponseBodyMimeType' ? `${name} ${value}` : `${name} "${value}"`)),
    `SecAuditLogFormat ${auditFormat}`,
    `SecAuditLog "${auditCopy === undefined ? place.auditLog : tee}"`,
    'SecAuditLogRelevantStatus "^(?:5|4(?!04))"',
    `SecTmpDir ${place.runtime}`,
    `SecDataDir ${place.runtime}`,
    `SecUnicodeMapFile ${place.tools}/etc/modsecurity/unicode.mapping 20127`,
    'SecStatusEngine Off',
    `SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"`,
    `SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"`,
    deny(200_002, 'REQBODY_ERROR "!@eq 0"', 400, 'The request body cannot be parsed'),
    deny(200_003, 'MULTIPART_STRICT_ERROR "!@eq 0"', 400, 'The multipart body is not strictly valid'),
    deny(200_004, 'MULTIPART_UNMATCHED_BOUNDARY "!@eq 0"', 403, 'The multipart body holds an unmatched boundary'),
    deny(200_005, 'TX:/^MSC_/ "!@streq 0"', 403, 'ModSecurity met a limit or an internal error'),
  ];
}
