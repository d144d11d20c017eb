import { WafConfigError } from '../errors.ts';
import { CompiledRegex } from '../regex/regex.ts';
import type { DirectiveNode } from '../seclang/ast.ts';
import type { EngineMode } from './model.ts';

type LimitAction = 'Reject' | 'ProcessPartial';

/** Engine settings, from directives. Every limit has a bounded default (ModSecurity's recommended file). */
export interface Settings {
  readonly ruleEngine: EngineMode;
  readonly requestBodyAccess: boolean;
  readonly responseBodyAccess: boolean;
  readonly requestBodyLimit: number;
  readonly requestBodyNoFilesLimit: number;
  readonly requestBodyLimitAction: LimitAction;
  readonly requestBodyJsonDepthLimit: number;
  readonly responseBodyLimit: number;
  readonly responseBodyLimitAction: LimitAction;
  /** Lower-case media types whose bodies are inspected in phase 4; undefined when no directive says. */
  readonly responseBodyMimeTypes: ReadonlySet<string> | undefined;
  readonly argumentSeparator: string;
  readonly argumentsLimit: number;
  readonly uploadFileLimit: number;
  /** Uploaded files are saved while a transaction runs, and kept after it: always, when it is logged, never. */
  readonly savesUploads: boolean;
  readonly uploadKeepFiles: 'On' | 'Off' | 'RelevantOnly';
  readonly uploadDir: string | undefined;
  readonly uploadFileMode: number | undefined;
  readonly auditEngine: 'On' | 'Off' | 'RelevantOnly';
  readonly auditLogParts: string;
  readonly auditLogFormat: 'JSON' | 'Native';
  readonly auditLogType: 'Serial' | 'Concurrent';
  /** Files the adapters write to; undefined = the directive was not given. */
  readonly auditLog: string | undefined;
  readonly auditLog2: string | undefined;
  readonly auditLogStorageDir: string | undefined;
  /** Permissions of new files and folders; undefined = as the system's umask says. */
  readonly auditLogFileMode: number | undefined;
  readonly auditLogDirMode: number | undefined;
  readonly auditLogRelevantStatus: CompiledRegex | undefined;
  readonly debugLog: string | undefined;
  readonly debugLogLevel: number;
  readonly collectionTimeout: number;
  /** Folder of the store for persistent collections, for adapters that make one. */
  readonly dataDir: string | undefined;
  readonly componentSignatures: readonly string[];
  readonly cookieSeparator: string;
  readonly webAppId: string;
  readonly sensorId: string;
  readonly serverSignature: string | undefined;
  readonly unicodeMapFile: string | undefined;
  readonly unicodeCodePage: number;
  readonly interceptOnError: boolean;
  readonly geoDatabase: string | undefined;
  /** `prepend` and `append` reach the client. */
  readonly contentInjection: boolean;
  readonly hasInputStream: boolean;
  readonly hasOutputStream: boolean;
  readonly disablesBackendCompression: boolean;
  readonly parseXmlIntoArgs: 'On' | 'Off' | 'OnlyArgs';
}

export const defaultSettings: Settings = {
  ruleEngine: 'Off',
  requestBodyAccess: false,
  responseBodyAccess: false,
  requestBodyLimit: 13_107_200,
  requestBodyNoFilesLimit: 1_048_576,
  requestBodyLimitAction: 'Reject',
  requestBodyJsonDepthLimit: 512,
  responseBodyLimit: 524_288,
  responseBodyLimitAction: 'Reject',
  responseBodyMimeTypes: undefined,
  argumentSeparator: '&',
  argumentsLimit: 1000,
  uploadFileLimit: 100,
  savesUploads: false,
  uploadKeepFiles: 'Off',
  uploadDir: undefined,
  uploadFileMode: undefined,
  auditEngine: 'Off',
  auditLogParts: 'ABIJDEFHZ',
  auditLogFormat: 'Native',
  auditLogType: 'Serial',
  auditLog: undefined,
  auditLog2: undefined,
  auditLogStorageDir: undefined,
  auditLogFileMode: undefined,
  auditLogDirMode: undefined,
  auditLogRelevantStatus: undefined,
  debugLog: undefined,
  debugLogLevel: 0,
  collectionTimeout: 3600,
  dataDir: undefined,
  componentSignatures: [],
  cookieSeparator: ';',
  webAppId: 'default',
  sensorId: '',
  serverSignature: undefined,
  unicodeMapFile: undefined,
  unicodeCodePage: 20127,
  interceptOnError: true,
  geoDatabase: undefined,
  contentInjection: false,
  hasInputStream: false,
  hasOutputStream: false,
  disablesBackendCompression: false,
  parseXmlIntoArgs: 'Off',
};

type Handler = (value: string, node: DirectiveNode, settings: Settings) => Partial<Settings>;

const isOn = (value: string): boolean => value === 'On';

const handlers: Readonly<Record<string, Handler>> = {
  SecRuleEngine: (value) => ({ ruleEngine: value as EngineMode }),
  SecRequestBodyAccess: (value) => ({ requestBodyAccess: isOn(value) }),
  SecResponseBodyAccess: (value) => ({ responseBodyAccess: isOn(value) }),
  SecRequestBodyLimit: (value) => ({ requestBodyLimit: Number(value) }),
  SecRequestBodyNoFilesLimit: (value) => ({ requestBodyNoFilesLimit: Number(value) }),
  SecRequestBodyLimitAction: (value) => ({ requestBodyLimitAction: value as LimitAction }),
  SecRequestBodyJsonDepthLimit: (value) => ({ requestBodyJsonDepthLimit: Number(value) }),
  SecResponseBodyLimit: (value) => ({ responseBodyLimit: Number(value) }),
  SecResponseBodyLimitAction: (value) => ({ responseBodyLimitAction: value as LimitAction }),
  SecResponseBodyMimeType: (_, { args }, { responseBodyMimeTypes }) => ({
    responseBodyMimeTypes: new Set([...(responseBodyMimeTypes ?? []), ...args.map((type) => type.toLowerCase())]),
  }),
  SecResponseBodyMimeTypesClear: () => ({ responseBodyMimeTypes: new Set() }),
  SecArgumentSeparator: (value, node) => ({ argumentSeparator: character(value, node) }),
  SecArgumentsLimit: (value) => ({ argumentsLimit: Number(value) }),
  SecUploadFileLimit: (value) => ({ uploadFileLimit: Number(value) }),
  SecUploadKeepFiles: (value, _, settings) => ({
    uploadKeepFiles: value as Settings['uploadKeepFiles'],
    savesUploads: settings.savesUploads || value !== 'Off',
  }),
  SecTmpSaveUploadedFiles: (value, _, settings) => ({ savesUploads: settings.savesUploads || isOn(value) }),
  SecUploadDir: (value) => ({ uploadDir: value }),
  SecUploadFileMode: (value, node) => ({ uploadFileMode: mode(value, node) }),
  SecAuditEngine: (value) => ({ auditEngine: value as Settings['auditEngine'] }),
  SecAuditLogParts: (value, node) => ({ auditLogParts: parts(value, node) }),
  SecAuditLogFormat: (value) => ({ auditLogFormat: value as Settings['auditLogFormat'] }),
  SecAuditLogType: (value, node) => {
    if (value === 'HTTPS') refuse(node, 'entries are not posted to another host; wanted Serial or Concurrent');
    return { auditLogType: value === 'Serial' ? 'Serial' : 'Concurrent' };
  },
  SecAuditLog: (value, node) => ({ auditLog: file(value, node) }),
  SecAuditLog2: (value, node) => ({ auditLog2: file(value, node) }),
  SecAuditLogStorageDir: (value) => ({ auditLogStorageDir: value }),
  SecAuditLogFileMode: (value, node) => ({ auditLogFileMode: mode(value, node) }),
  SecAuditLogDirMode: (value, node) => ({ auditLogDirMode: mode(value, node) }),
  SecAuditLogRelevantStatus: (value, node) => ({ auditLogRelevantStatus: pattern(value, node) }),
  SecDebugLog: (value, node) => ({ debugLog: file(value, node) }),
  SecDebugLogLevel: (value) => ({ debugLogLevel: Number(value) }),
  SecCollectionTimeout: (value) => ({ collectionTimeout: Number(value) }),
  SecDataDir: (value) => ({ dataDir: value }),
  SecComponentSignature: (value, _, { componentSignatures }) => ({ componentSignatures: [...componentSignatures, value] }),
  SecCookieFormat: (value, node) => (value === '0' ? {} : refuse(node, "cookies are read in Netscape's form; wanted 0")),
  SecCookieV0Separator: (value, node) => ({ cookieSeparator: character(value, node) }),
  SecWebAppId: (value) => ({ webAppId: value }),
  SecSensorId: (value) => ({ sensorId: value }),
  SecServerSignature: (value) => ({ serverSignature: value }),
  SecUnicodeMapFile: (value, { args }, { unicodeCodePage }) => ({
    unicodeMapFile: value,
    unicodeCodePage: Number(args[1] ?? unicodeCodePage),
  }),
  SecUnicodeCodePage: (value) => ({ unicodeCodePage: Number(value) }),
  SecGeoLookupDb: (value) => ({ geoDatabase: value }),
  SecInterceptOnError: (value) => ({ interceptOnError: isOn(value) }),
  SecParseXmlIntoArgs: (value) => ({ parseXmlIntoArgs: value as Settings['parseXmlIntoArgs'] }),
  SecContentInjection: (value) => ({ contentInjection: isOn(value) }),
  SecStreamInBodyInspection: (value) => ({ hasInputStream: isOn(value) }),
  SecStreamOutBodyInspection: (value) => ({ hasOutputStream: isOn(value) }),
  SecDisableBackendCompression: (value) => ({ disablesBackendCompression: isOn(value) }),
};

/** Settings after one more directive; the others are no settings (rule updates) or have no effect here (see the table). */
export function applyDirective(settings: Settings, node: DirectiveNode): Settings {
  const change = handlers[node.name]?.(node.args[0] ?? '', node, settings);
  return change ? { ...settings, ...change } : settings;
}

function refuse(node: DirectiveNode, reason: string): never {
  throw new WafConfigError('unsupported', node.position, `${node.name} ${JSON.stringify(node.args[0])}: ${reason}`);
}

function bad(node: DirectiveNode, wanted: string): never {
  throw new WafConfigError('bad-argument', node.position, `${node.name}: found ${JSON.stringify(node.args[0])}, wanted ${wanted}`);
}

function character(value: string, node: DirectiveNode): string {
  return value.length === 1 ? value : bad(node, 'one character');
}

function mode(value: string, node: DirectiveNode): number | undefined {
  if (value.toLowerCase() === 'default') return undefined;
  return /^[0-7]{3,4}$/.test(value) ? Number.parseInt(value, 8) : bad(node, 'permissions in octal such as 0640, or default');
}

function parts(value: string, node: DirectiveNode): string {
  return /^[A-K]*Z?$/.test(value) ? value : bad(node, 'letters A to K and Z such as ABIJDEFHZ');
}

/** A file's name; ModSecurity's `|/program` starts one. */
function file(value: string, node: DirectiveNode): string {
  return value.startsWith('|') ? refuse(node, 'no program is run; wanted a file') : value;
}

function pattern(value: string, node: DirectiveNode): CompiledRegex {
  try {
    return new CompiledRegex(value);
  } catch (cause) {
    throw new WafConfigError('bad-pattern', node.position, `${node.name}: ${(cause as Error).message}`, { cause });
  }
}
