import type { Target } from '../variables/target.ts';
import type { TransactionState } from './state.ts';
import { valuesOf } from './values.ts';

/** What a transaction says for the audit log, beyond its matches. Present only when it is to be logged. */
export interface AuditRecord {
  /** Letters of SecAuditLogParts, changed by `ctl:auditLogParts`. */
  readonly parts: string;
  /** As far as it was read, latin1. */
  readonly requestBody: string;
  readonly requestBodyProcessor: string;
  readonly responseBody: string;
  readonly files: readonly { readonly name: string; readonly filename: string; readonly size: number }[];
  /** Arguments of the body, for the part that leaves files out. */
  readonly bodyArguments: readonly { readonly name: string; readonly value: string }[];
  /** What the sanitise actions asked to hide. */
  readonly hidden: {
    readonly values: readonly string[];
    readonly requestHeaders: ReadonlySet<string>;
    readonly responseHeaders: ReadonlySet<string>;
  };
}

/**
 * SecAuditEngine's decision. RelevantOnly: a rule asked for it (`auditlog`), or the status fits
 * SecAuditLogRelevantStatus. Undefined: no entry.
 */
export function auditOf(state: TransactionState, bodies: { readonly request: string; readonly response: string }): AuditRecord | undefined {
  const status = state.interruption?.status ?? valuesOf(state, 'RESPONSE_STATUS')[0]?.value ?? '';
  const { auditLogRelevantStatus } = state.ruleSet.settings;
  const isRelevant = state.matched.some((rule) => rule.isAuditLogged) || auditLogRelevantStatus?.test(String(status)) === 'match';
  if (isRelevant) state.trace?.(8, `Request was relevant to be saved. Parts: ${state.auditLogParts}`);
  if (state.auditEngine === 'Off' || (state.auditEngine === 'RelevantOnly' && !isRelevant)) return undefined;
  const sizes = valuesOf(state, 'FILES_SIZES');
  return {
    parts: state.auditLogParts,
    requestBody: bodies.request,
    requestBodyProcessor: state.requestBodyProcessor.toUpperCase(),
    responseBody: bodies.response,
    files: valuesOf(state, 'FILES').map(({ key, value }, index) => ({
      name: key,
      filename: value,
      size: Number(sizes[index]?.value ?? 0),
    })),
    bodyArguments: valuesOf(state, 'ARGS_POST').map(({ key, value }) => ({ name: key, value })),
    hidden: hiddenOf(state),
  };
}

/** Names that carry secrets wherever they are seen: their values are hidden without being asked. */
const secretNames =
  /pass(?:wd|word|phrase)?$|^pwd|secret|token|api[-_.]?key|authorization|credential|card[-_.]?(?:no|num)|^cvv|^cvc|^ssn$/i;

function hiddenOf(state: TransactionState): AuditRecord['hidden'] {
  const named = (kind: string) => new Set(state.sanitised.filter((item) => item.kind === kind).map((item) => item.key));
  const names = named('arg');
  const variables = named('variable');
  const isHidden = (target: Target, collections: readonly string[]): boolean =>
    names.has(target.lowerKey) || secretNames.test(target.key) || collections.some((name) => variables.has(`${name}:${target.key}`));
  const hide = (list: string, collections: readonly string[]): string[] =>
    valuesOf(state, list)
      .filter((target) => isHidden(target, collections))
      .map((target) => target.value);
  return {
    values: [...new Set([...hide('ARGS_GET', ['ARGS', 'ARGS_GET']), ...hide('ARGS_POST', ['ARGS', 'ARGS_POST'])])].filter(
      (value) => value !== '',
    ),
    requestHeaders: new Set([...named('requestHeader'), ...headersIn(variables, 'REQUEST_HEADERS:')]),
    responseHeaders: new Set([...named('responseHeader'), ...headersIn(variables, 'RESPONSE_HEADERS:')]),
  };
}

function headersIn(variables: ReadonlySet<string>, prefix: string): string[] {
  return [...variables].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length).toLowerCase());
}
