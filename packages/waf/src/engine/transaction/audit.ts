import { renderRule } from '../render/rule.ts';
import type { Target } from '../variables/target.ts';
import type { Connection, TransactionState } from './state.ts';
import { valuesOf } from './values.ts';

type Headers = readonly (readonly [name: string, value: string])[];

/** What a transaction says for the audit log, beyond its matches. Present only when it is to be logged. */
export interface AuditRecord {
  /** Letters of SecAuditLogParts, changed by `ctl:auditLogParts`. */
  readonly parts: string;
  readonly timeMs: number;
  readonly connection: Connection;
  readonly requestLine: string;
  readonly requestHeaders: Headers;
  readonly responseProtocol: string;
  /** 0 when there was no response. */
  readonly status: number;
  /** As the application set them; empty when the request was stopped before. */
  readonly responseHeaders: Headers;
  /** SecComponentSignature, such as `OWASP_CRS/3.3.4`. */
  readonly components: readonly string[];
  readonly sensorId: string;
  readonly isDetectionOnly: boolean;
  /** As far as it was read, latin1. */
  readonly requestBody: string;
  readonly requestBodyProcessor: string;
  readonly argumentSeparator: string;
  readonly responseBody: string;
  readonly files: readonly { readonly name: string; readonly filename: string; readonly size: number }[];
  /** Arguments of the body, for the part that leaves files out. */
  readonly bodyArguments: readonly { readonly name: string; readonly value: string }[];
  /** Rules that matched, each with the texts of its chain; empty unless part K is wanted. */
  readonly rules: readonly { readonly id: number; readonly file: string; readonly line: number; readonly chain: readonly string[] }[];
  /** What the sanitise actions asked to hide. */
  readonly hidden: {
    readonly values: readonly string[];
    /** Variables that hold them, as matches name them. */
    readonly names: ReadonlySet<string>;
    readonly requestHeaders: ReadonlySet<string>;
    readonly responseHeaders: ReadonlySet<string>;
  };
}

/**
 * SecAuditEngine's decision. RelevantOnly: a rule asked for it (`auditlog`), or the status fits
 * SecAuditLogRelevantStatus. Undefined: no entry.
 */
export function auditOf(state: TransactionState, bodies: { readonly request: string; readonly response: string }): AuditRecord | undefined {
  const status = state.interruption?.status ?? Number(first(state, 'RESPONSE_STATUS'));
  const { argumentSeparator, auditLogRelevantStatus, componentSignatures, sensorId } = state.ruleSet.settings;
  const isRelevant = state.matched.some((rule) => rule.isAuditLogged) || auditLogRelevantStatus?.test(String(status)) === 'match';
  if (isRelevant) state.trace?.(8, `Request was relevant to be saved. Parts: ${state.auditLogParts}`);
  if (state.auditEngine === 'Off' || (state.auditEngine === 'RelevantOnly' && !isRelevant)) return undefined;
  const sizes = valuesOf(state, 'FILES_SIZES');
  return {
    parts: state.auditLogParts,
    timeMs: state.startMs,
    connection: state.connection,
    requestLine: first(state, 'REQUEST_LINE'),
    requestHeaders: headersOf(state, 'REQUEST_HEADERS'),
    responseProtocol: first(state, 'RESPONSE_PROTOCOL') || 'HTTP/1.1',
    status,
    responseHeaders: state.interruption ? [] : headersOf(state, 'RESPONSE_HEADERS'),
    components: componentSignatures,
    sensorId,
    isDetectionOnly: state.engineMode === 'DetectionOnly',
    requestBody: bodies.request,
    requestBodyProcessor: state.requestBodyProcessor.toUpperCase(),
    argumentSeparator,
    responseBody: bodies.response,
    files: valuesOf(state, 'FILES').map(({ key, value }, index) => ({
      name: key,
      filename: value,
      size: Number(sizes[index]?.value ?? 0),
    })),
    bodyArguments: valuesOf(state, 'ARGS_POST').map(({ key, value }) => ({ name: key, value })),
    rules: state.auditLogParts.includes('K') ? matchedRules(state) : [],
    hidden: hiddenOf(state),
  };
}

function first(state: TransactionState, name: string): string {
  return valuesOf(state, name)[0]?.value ?? '';
}

function headersOf(state: TransactionState, name: string): Headers {
  return valuesOf(state, name).map(({ key, value }) => [key, value] as const);
}

function matchedRules(state: TransactionState): AuditRecord['rules'] {
  const heads = new Map(state.ruleSet.rules.map((rule) => [rule.id, rule]));
  return state.matched.map(({ id, file, line }) => {
    const chain: string[] = [];
    for (let rule = heads.get(id); rule; rule = rule.next) chain.push(renderRule(rule));
    return { id, file, line, chain };
  });
}

/**
 * Names that carry secrets wherever they are seen: their values are hidden without being asked, but for one that a logged
 * rule matched: that is what the entry is about.
 */
const secretNames =
  /pass(?:wd|word|phrase)?$|^pwd|secret|token|api[-_.]?key|authorization|credential|card[-_.]?(?:no|num)|^cvv|^cvc|^ssn$/i;

function hiddenOf(state: TransactionState): AuditRecord['hidden'] {
  const named = (kind: string) => new Set(state.sanitised.filter((item) => item.kind === kind).map((item) => item.key));
  const names = named('arg');
  const variables = named('variable');
  const evidence = new Set(state.matched.flatMap((rule) => (rule.isLogged ? rule.variables.map((match) => match.name) : [])));
  const isHidden = ({ key, lowerKey }: Target, collections: readonly string[]): boolean => {
    const isNamed = (set: ReadonlySet<string>) => collections.some((name) => set.has(`${name}:${key}`));
    return names.has(lowerKey) || isNamed(variables) || (secretNames.test(key) && !isNamed(evidence));
  };
  const secrets = ['ARGS_GET', 'ARGS_POST'].flatMap((list) => {
    const collections = ['ARGS', list];
    return valuesOf(state, list)
      .filter((target) => isHidden(target, collections))
      .map(({ key, value }) => ({ value, names: collections.map((name) => `${name}:${key}`) }));
  });
  return {
    values: [...new Set(secrets.map(({ value }) => value))].filter((value) => value !== ''),
    names: new Set([...secrets.flatMap((secret) => secret.names), ...variables]),
    requestHeaders: new Set([...named('requestHeader'), ...headersIn(variables, 'REQUEST_HEADERS:')]),
    responseHeaders: new Set([...named('responseHeader'), ...headersIn(variables, 'RESPONSE_HEADERS:')]),
  };
}

function headersIn(variables: ReadonlySet<string>, prefix: string): string[] {
  return [...variables].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length).toLowerCase());
}
