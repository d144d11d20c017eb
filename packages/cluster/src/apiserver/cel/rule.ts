import type { Environment, ParseError } from '@marcbachmann/cel-js';
import type { JsonSchema, ValidationRule } from '../registry/custom/schema.ts';
import type { Ast } from './cost/estimate.ts';
import { CALL_COST_LIMIT } from './cost/limits.ts';
import { type Meter, meterOf } from './cost/meter.ts';
import { celEnvironment, declaredFunctions } from './environment.ts';
import { findTypeFault, typeOf } from './type-check.ts';
import { findUndeclared, syntaxFault, unknownVariable } from './words.ts';

export interface RuleInput {
  readonly self: unknown;
  /** Present for transition rules only. */
  readonly oldSelf?: unknown;
}

/** A rule that compiled. Both functions throw what the evaluation throws. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Expressions whose cost can be estimated. */
  readonly expressions: readonly { readonly at: RuleError['at']; readonly ast: Ast }[];
  /** What the last evaluation cost. */
  readonly spent: number;
  /** Compares with the value before: such a rule says nothing about a value that is new, unless it asks for it. */
  readonly isTransition: boolean;
  /** @throws TooExpensive beyond the limit of one evaluation */
  isFulfilled(input: RuleInput): boolean;
  /** The text of `messageExpression`; undefined when there is none or it yields none. */
  message(input: RuleInput): string | undefined;
}

/** `at` is the field of the rule that is wrong; `kind` says whether it cannot be compiled, costs too much or is out of place. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
  readonly at: 'rule' | 'messageExpression' | 'optionalOldSelf';
  readonly kind: 'compile' | 'cost' | 'place';
  constructor(at: RuleError['at'], message: string, kind: RuleError['kind'] = 'compile') {
    super(message);
    this.at = at;
    this.kind = kind;
  }
}

const environments = new Map<string, Environment>();

function environmentFor(type: string, hasOptionalOld: boolean): Environment {
  const key = `${type} ${hasOptionalOld}`;
  let environment = environments.get(key);
  if (environment === undefined) {
    environment = celEnvironment();
    environment.registerVariable('self', type);
    environment.registerVariable('oldSelf', hasOptionalOld ? `optional<${type}>` : type);
    environments.set(key, environment);
  }
  return environment;
}

/** The type rules see; containers are looked into when they are evaluated. */
function celTypeOf(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'dyn';
  switch (schema.type) {
    case 'integer':
      return 'int';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    case 'array':
      return 'list<dyn>';
    case 'object':
      return 'map<dyn, dyn>';
    case 'string':
      if (schema.format === 'byte') return 'bytes';
      return schema.format === 'date-time' || schema.format === 'date' ? 'google.protobuf.Timestamp' : 'string';
    default:
      return 'dyn';
  }
}

/** @throws RuleError when it does not compile or does not yield a truth value */
export function compileRule(rule: ValidationRule, schema: JsonSchema): CompiledRule {
  const environment = environmentFor(celTypeOf(schema), rule.optionalOldSelf === true);
  const condition = compile(environment, rule.rule ?? '', 'rule', 'bool', schema);
  const text = rule.messageExpression ? compile(environment, rule.messageExpression, 'messageExpression', 'string', schema) : undefined;
  const meter = meterOf(condition.ast);
  const textMeter = text && meterOf(text.ast);
  return {
    rule,
    expressions: [{ at: 'rule', ast: condition.ast }, ...(text ? [{ at: 'messageExpression' as const, ast: text.ast }] : [])],
    isTransition: usesOldSelf(condition.ast),
    get spent() {
      return meter.spent;
    },
    isFulfilled(input) {
      const result: unknown = metered(meter, () => condition({ ...input }) as unknown);
      if (typeof result !== 'boolean') throw new Error(`expected a truth value, the rule yielded ${typeof result}`);
      return result;
    },
    message(input) {
      const result = textMeter && metered(textMeter, () => text?.({ ...input }) as unknown);
      // As the real server: an empty message, or one of several lines, is none.
      return typeof result === 'string' && result.trim() !== '' && !result.includes('\n') ? result.trim() : undefined;
    },
  };
}

/** An evaluation was ended, for it cost more than one may. */
export class TooExpensive extends Error {
  override readonly name = 'TooExpensive';
}

/** What failed in a macro may have been taken for an answer: whether the limit was passed is asked in any case. */
function metered(meter: Meter, evaluate: () => unknown): unknown {
  meter.start(CALL_COST_LIMIT);
  try {
    return evaluate();
  } finally {
    if (meter.isExceeded) throwTooExpensive();
  }
}

function throwTooExpensive(): never {
  throw new TooExpensive('operation cancelled: actual cost limit exceeded');
}

type Compiled = ReturnType<Environment['parse']>;

function compile(environment: Environment, source: string, at: 'rule' | 'messageExpression', wanted: string, schema: JsonSchema): Compiled {
  if (source.trim() === '') throw new RuleError(at, `${at} is not specified`);
  const failed = at === 'rule' ? 'compilation failed' : `${at} compilation failed`;
  let compiled: Compiled;
  try {
    compiled = environment.parse(source);
  } catch (error) {
    throw new RuleError(at, `${failed}: ${syntaxFault(source, error as ParseError)}`);
  }
  const undeclared = findUndeclared(compiled.ast, declaredFunctions());
  if (undeclared !== undefined) throw new RuleError(at, `${failed}: ${undeclared}`);
  const checked = compiled.check();
  if (!checked.valid) throw new RuleError(at, `${failed}: ${unknownVariable(source, checked.error) ?? firstLine(checked.error)}`);
  const wrongType = `${at === 'rule' ? 'cel expression' : at} must evaluate to a ${wanted}`;
  if (checked.type !== wanted && checked.type !== 'dyn') throw new RuleError(at, wrongType);
  const fault = findTypeFault(compiled.ast, schema);
  if (fault !== undefined) throw new RuleError(at, `${failed}: ${fault}`);
  const type = typeOf(compiled.ast, schema);
  if (type !== undefined && type !== wanted) throw new RuleError(at, wrongType);
  return compiled;
}

export function firstLine(error: unknown): string {
  return ((error as Error | undefined)?.message ?? String(error)).split('\n')[0]!;
}

/** Whether the variable stands anywhere in the expression. */
function usesOldSelf(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(usesOldSelf);
  if (typeof node !== 'object' || node === null || !('op' in node)) return false;
  const { op, args } = node as { op: string; args: unknown };
  return op === 'id' ? args === 'oldSelf' : usesOldSelf(args);
}
