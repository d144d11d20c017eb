import { WafConfigError } from '../errors.ts';
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
  /** Lower-case media types whose bodies are inspected in phase 4. */
  readonly responseBodyMimeTypes: ReadonlySet<string>;
  readonly argumentSeparator: string;
  readonly argumentsLimit: number;
  readonly uploadFileLimit: number;
  readonly auditEngine: 'On' | 'Off' | 'RelevantOnly';
  readonly auditLogParts: string;
  readonly auditLogFormat: 'JSON' | 'Native';
  readonly auditLogRelevantStatus: string | undefined;
  readonly collectionTimeout: number;
  readonly componentSignatures: readonly string[];
  readonly cookieFormat: '0' | '1';
  readonly webAppId: string;
  readonly sensorId: string;
  readonly serverSignature: string | undefined;
  readonly unicodeMapFile: string | undefined;
  readonly unicodeCodePage: number;
  readonly interceptOnError: boolean;
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
  responseBodyLimitAction: 'ProcessPartial',
  responseBodyMimeTypes: new Set(['text/plain', 'text/html', 'text/xml']),
  argumentSeparator: '&',
  argumentsLimit: 1000,
  uploadFileLimit: 100,
  auditEngine: 'Off',
  auditLogParts: 'ABIJDEFHZ',
  auditLogFormat: 'Native',
  auditLogRelevantStatus: undefined,
  collectionTimeout: 3600,
  componentSignatures: [],
  cookieFormat: '0',
  webAppId: 'default',
  sensorId: '',
  serverSignature: undefined,
  unicodeMapFile: undefined,
  unicodeCodePage: 20127,
  interceptOnError: false,
  parseXmlIntoArgs: 'Off',
};

/** Settings after one more directive. Directives that configure a web server's files or threads have no effect here. */
export function applyDirective(settings: Settings, node: DirectiveNode): Settings {
  const value = node.args[0] ?? '';
  const isOn = value === 'On';
  switch (node.name) {
    case 'SecRuleEngine':
      return { ...settings, ruleEngine: value as EngineMode };
    case 'SecRequestBodyAccess':
      return { ...settings, requestBodyAccess: isOn };
    case 'SecResponseBodyAccess':
      return { ...settings, responseBodyAccess: isOn };
    case 'SecRequestBodyLimit':
      return { ...settings, requestBodyLimit: Number(value) };
    case 'SecRequestBodyNoFilesLimit':
      return { ...settings, requestBodyNoFilesLimit: Number(value) };
    case 'SecRequestBodyLimitAction':
      return { ...settings, requestBodyLimitAction: value as LimitAction };
    case 'SecRequestBodyJsonDepthLimit':
      return { ...settings, requestBodyJsonDepthLimit: Number(value) };
    case 'SecResponseBodyLimit':
      return { ...settings, responseBodyLimit: Number(value) };
    case 'SecResponseBodyLimitAction':
      return { ...settings, responseBodyLimitAction: value as LimitAction };
    case 'SecResponseBodyMimeType':
      return {
        ...settings,
        responseBodyMimeTypes: new Set([...settings.responseBodyMimeTypes, ...node.args.map((type) => type.toLowerCase())]),
      };
    case 'SecResponseBodyMimeTypesClear':
      return { ...settings, responseBodyMimeTypes: new Set() };
    case 'SecArgumentSeparator':
      if (value.length !== 1)
        throw new WafConfigError(
          'bad-argument',
          node.position,
          `SecArgumentSeparator: found ${JSON.stringify(value)}, wanted one character`,
        );
      return { ...settings, argumentSeparator: value };
    case 'SecArgumentsLimit':
      return { ...settings, argumentsLimit: Number(value) };
    case 'SecUploadFileLimit':
      return { ...settings, uploadFileLimit: Number(value) };
    case 'SecAuditEngine':
      return { ...settings, auditEngine: value as Settings['auditEngine'] };
    case 'SecAuditLogParts':
      return { ...settings, auditLogParts: value };
    case 'SecAuditLogFormat':
      return { ...settings, auditLogFormat: value as Settings['auditLogFormat'] };
    case 'SecAuditLogRelevantStatus':
      return { ...settings, auditLogRelevantStatus: value };
    case 'SecCollectionTimeout':
      return { ...settings, collectionTimeout: Number(value) };
    case 'SecComponentSignature':
      return { ...settings, componentSignatures: [...settings.componentSignatures, value] };
    case 'SecCookieFormat':
      return { ...settings, cookieFormat: value as '0' | '1' };
    case 'SecWebAppId':
      return { ...settings, webAppId: value };
    case 'SecSensorId':
      return { ...settings, sensorId: value };
    case 'SecServerSignature':
      return { ...settings, serverSignature: value };
    case 'SecUnicodeMapFile':
      return { ...settings, unicodeMapFile: value, unicodeCodePage: Number(node.args[1] ?? settings.unicodeCodePage) };
    case 'SecUnicodeCodePage':
      return { ...settings, unicodeCodePage: Number(value) };
    case 'SecInterceptOnError':
      return { ...settings, interceptOnError: isOn };
    case 'SecParseXmlIntoArgs':
      return { ...settings, parseXmlIntoArgs: value as Settings['parseXmlIntoArgs'] };
    case 'SecXmlExternalEntity':
      if (isOn) throw new WafConfigError('unsupported', node.position, 'SecXmlExternalEntity On: external entities are never loaded');
      return settings;
    default:
      return settings;
  }
}
