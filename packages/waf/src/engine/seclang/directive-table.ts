/** What a directive takes: a closed list, a number, text, or several words. */
export type ArgumentShape =
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'number' }
  | { readonly kind: 'text' }
  | { readonly kind: 'words'; readonly min: number; readonly max: number };

const onOff: ArgumentShape = { kind: 'choice', values: ['On', 'Off'] };
const number: ArgumentShape = { kind: 'number' };
const text: ArgumentShape = { kind: 'text' };
const words = (min: number, max: number): ArgumentShape => ({ kind: 'words', min, max });
const choice = (...values: string[]): ArgumentShape => ({ kind: 'choice', values });

/** Every configuration directive of ModSecurity 2.9 and 3.0 (rules, actions and markers have their own nodes). */
const shapes: Readonly<Record<string, ArgumentShape>> = {
  SecArgumentSeparator: text,
  SecArgumentsLimit: number,
  SecAuditEngine: choice('On', 'Off', 'RelevantOnly'),
  SecAuditLog: text,
  SecAuditLog2: text,
  SecAuditLogDirMode: text,
  SecAuditLogFileMode: text,
  SecAuditLogFormat: choice('JSON', 'Native'),
  SecAuditLogParts: text,
  SecAuditLogPrefix: text,
  SecAuditLogRelevantStatus: text,
  SecAuditLogStorageDir: text,
  SecAuditLogType: choice('Serial', 'Concurrent', 'Parallel', 'HTTPS'),
  SecCacheTransformations: words(1, 2),
  SecChrootDir: text,
  SecCollectionTimeout: number,
  SecComponentSignature: text,
  SecConnEngine: choice('On', 'Off', 'DetectionOnly'),
  SecConnReadStateLimit: words(1, 2),
  SecConnWriteStateLimit: words(1, 2),
  SecContentInjection: onOff,
  SecCookieFormat: choice('0', '1'),
  SecCookieV0Separator: text,
  SecDataDir: text,
  SecDebugLog: text,
  SecDebugLogLevel: number,
  SecDefaultAction: text,
  SecDisableBackendCompression: onOff,
  SecGeoLookupDb: words(1, 2),
  SecGsbLookupDb: text,
  SecGuardianLog: text,
  SecHashEngine: onOff,
  SecHashKey: words(1, 2),
  SecHashMethodPm: words(2, 2),
  SecHashMethodRx: words(2, 2),
  SecHashParam: text,
  SecHttpBlKey: text,
  SecInterceptOnError: onOff,
  SecPcreMatchLimit: number,
  SecPcreMatchLimitRecursion: number,
  SecPdfProtect: onOff,
  SecPdfProtectMethod: choice('TokenRedirection', 'ForcedDownload'),
  SecPdfProtectSecret: text,
  SecPdfProtectTimeout: number,
  SecPdfProtectTokenName: text,
  SecReadStateLimit: words(1, 2),
  SecRemoteRules: words(2, 3),
  SecRemoteRulesFailAction: choice('Abort', 'Warn'),
  SecRequestBodyAccess: onOff,
  SecRequestBodyInMemoryLimit: number,
  SecRequestBodyJsonDepthLimit: number,
  SecRequestBodyLimit: number,
  SecRequestBodyLimitAction: choice('Reject', 'ProcessPartial'),
  SecRequestBodyNoFilesLimit: number,
  SecResponseBodyAccess: onOff,
  SecResponseBodyLimit: number,
  SecResponseBodyLimitAction: choice('Reject', 'ProcessPartial'),
  SecResponseBodyMimeType: words(1, 100),
  SecResponseBodyMimeTypesClear: words(0, 0),
  SecRuleEngine: choice('On', 'Off', 'DetectionOnly'),
  SecRuleInheritance: onOff,
  SecRulePerfTime: number,
  SecRuleRemoveById: words(1, 1000),
  SecRuleRemoveByMsg: words(1, 1),
  SecRuleRemoveByTag: words(1, 1),
  SecRuleScript: words(1, 2),
  SecRuleUpdateActionById: words(2, 2),
  SecRuleUpdateTargetById: words(2, 3),
  SecRuleUpdateTargetByMsg: words(2, 3),
  SecRuleUpdateTargetByTag: words(2, 3),
  SecSensorId: text,
  SecServerSignature: text,
  SecStatusEngine: onOff,
  SecStreamInBodyInspection: onOff,
  SecStreamOutBodyInspection: onOff,
  SecTmpDir: text,
  SecTmpSaveUploadedFiles: onOff,
  SecUnicodeCodePage: number,
  SecUnicodeMapFile: words(1, 2),
  SecUploadDir: text,
  SecUploadFileLimit: number,
  SecUploadFileMode: text,
  SecUploadKeepFiles: choice('On', 'Off', 'RelevantOnly'),
  SecWebAppId: text,
  SecWriteStateLimit: words(1, 2),
  SecXmlExternalEntity: onOff,
  SecParseXmlIntoArgs: choice('On', 'Off', 'OnlyArgs'),
};

export const directiveShapes: ReadonlyMap<string, { readonly name: string; readonly shape: ArgumentShape }> = new Map(
  Object.entries(shapes).map(([name, shape]) => [name.toLowerCase(), { name, shape }]),
);

/** Directives that need what this engine refuses to have: a Lua interpreter or rules fetched over the network. */
export const unsupportedDirectives: ReadonlyMap<string, string> = new Map([
  ['secrulescript', 'Lua scripts are not run by this engine'],
  ['secremoterules', 'rules are not fetched over the network; download the file and use Include'],
]);
