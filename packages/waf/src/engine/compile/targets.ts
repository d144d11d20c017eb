import type { XPath } from '../body/xpath.ts';
import { parseXPath } from '../body/xpath.ts';
import { CompiledRegex } from '../regex/regex.ts';
import type { VariableNode } from '../seclang/ast.ts';
import { Recurring } from '../variables/recurring.ts';
import type { Target } from '../variables/target.ts';

const MAX_KNOWN_KEY = 100;

/** Decides on a member name. */
export type KeyTest = (target: Target) => boolean;

/** One variable of a rule with the exclusions that apply to it. */
export interface TargetSource {
  readonly collection: string;
  /** TX, ENV, GEO and the persistent collections: members are looked up, not listed. */
  readonly isMap: boolean;
  readonly isCount: boolean;
  /** Lower-case exact member name; undefined when all, a pattern, or an XPath is asked for. */
  readonly key: string | undefined;
  /** The same as written, for logs. */
  readonly writtenKey: string;
  readonly keyTest: KeyTest | undefined;
  readonly xpath: XPath | undefined;
  readonly exclusions: readonly KeyTest[];
}

/** All variables of a rule. Equal specs are one object, so that their targets are collected once a phase. */
export interface TargetSpec {
  readonly slot: number;
  readonly text: string;
  readonly sources: readonly TargetSource[];
  /** False when a source changes while rules run (TX, MATCHED_VAR …): such targets are collected anew each time. */
  readonly isStable: boolean;
}

/** Collections that live between requests, as actions write them. */
export const persistentCollections: ReadonlySet<string> = new Set(['ip', 'session', 'user', 'global', 'resource']);

export const mapCollections: ReadonlySet<string> = new Set([
  'TX',
  'ENV',
  'GEO',
  ...Array.from(persistentCollections, (name) => name.toUpperCase()),
]);

const volatileCollections: ReadonlySet<string> = new Set([
  'DURATION',
  'ENV',
  'GEO',
  'GLOBAL',
  'HIGHEST_SEVERITY',
  'IP',
  'MATCHED_VAR',
  'MATCHED_VARS',
  'MATCHED_VARS_NAMES',
  'MATCHED_VAR_NAME',
  'MSC_PCRE_ERROR',
  'MSC_PCRE_LIMITS_EXCEEDED',
  'REQBODY_PROCESSOR',
  'RESOURCE',
  'RULE',
  'SESSION',
  'SESSIONID',
  'STREAM_INPUT_BODY',
  'STREAM_OUTPUT_BODY',
  'TX',
  'USER',
  'USERID',
  'WEBAPPID',
]);

/** Interns specs, so that rules over the same variables share one slot. */
export class TargetSpecs {
  readonly #bySource = new Map<string, TargetSpec>();
  readonly #keyTests = new Map<string, KeyTest>();

  get count(): number {
    return this.#bySource.size;
  }

  /** @throws Error when a selector pattern or XPath cannot be compiled */
  get(variables: readonly VariableNode[], namespaces: ReadonlyMap<string, string>): TargetSpec {
    const text = variables.map(renderVariable).join('|') + (namespaces.size > 0 ? ` ${JSON.stringify([...namespaces])}` : '');
    const known = this.#bySource.get(text);
    if (known) return known;
    const exclusions = variables.filter((variable) => variable.isExclusion);
    const sources = variables
      .filter((variable) => !variable.isExclusion)
      .filter((variable) => !exclusions.some((other) => other.name === variable.name && other.key === undefined))
      .map((variable) => this.#compileSource(variable, exclusions, namespaces));
    const isStable = sources.every((source) => !volatileCollections.has(source.collection));
    const spec: TargetSpec = { slot: this.#bySource.size, text, sources, isStable };
    this.#bySource.set(text, spec);
    return spec;
  }

  #compileSource(variable: VariableNode, exclusions: readonly VariableNode[], namespaces: ReadonlyMap<string, string>): TargetSource {
    const isXPath = variable.name === 'XML' && variable.key !== undefined;
    const isExact = variable.key !== undefined && !variable.isKeyRegex && !isXPath;
    return {
      collection: variable.name,
      isMap: mapCollections.has(variable.name),
      isCount: variable.isCount,
      key: isExact ? variable.key.toLowerCase() : undefined,
      writtenKey: variable.key ?? '',
      keyTest: variable.isKeyRegex ? this.#keyTest(variable) : undefined,
      xpath: isXPath ? parseXPath(variable.key, namespaces) : undefined,
      exclusions: exclusions.filter((other) => other.name === variable.name).map((other) => this.#keyTest(other)),
    };
  }

  /** Exclusions are the same for many rules. */
  #keyTest(variable: VariableNode): KeyTest {
    const { key, isKeyRegex } = variable;
    const text = key === undefined ? '' : `${isKeyRegex ? '/' : ':'}${key}`;
    const known = this.#keyTests.get(text) ?? compileKeyTest(variable);
    this.#keyTests.set(text, known);
    return known;
  }
}

/** Member names compare without case, patterns too: both ModSecurity engines do. */
export function compileKeyTest(variable: VariableNode): KeyTest {
  const { key } = variable;
  if (key === undefined) return () => true;
  if (!variable.isKeyRegex) {
    const wanted = key.toLowerCase();
    return (target) => target.lowerKey === wanted;
  }
  const regex = new CompiledRegex(key, { isCaseless: true });
  // Names repeat from request to request; what a client makes up is not kept for long.
  const known = new Recurring<boolean>();
  // A selector whose step budget is used up selects nothing to exclude: the rule keeps looking at the value.
  const fits = (name: string): boolean => regex.test(name) === 'match';
  return ({ key: name }) => known.get(name) ?? (name.length <= MAX_KNOWN_KEY ? known.keep(name, fits) : fits(name));
}

export function renderVariable(variable: VariableNode): string {
  const key = variable.key === undefined ? '' : `:${variable.isKeyRegex ? `/${variable.key}/` : variable.key}`;
  return `${variable.isExclusion ? '!' : ''}${variable.isCount ? '&' : ''}${variable.name}${key}`;
}
