import type { Environment } from '@marcbachmann/cel-js';
import type { JsonSchema } from '../registry/custom/schema.ts';
import { celEnvironment } from './environment.ts';
import { findTypeFault } from './type-check.ts';

/** One entry of `x-kubernetes-validations` (apiextensions.k8s.io/v1 ValidationRule). */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export interface RuleInput {
  readonly self: unknown;
  /** Present for transition rules only. */
  readonly oldSelf?: unknown;
}

/** A rule that compiled. Both functions throw what the evaluation throws. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Compares with the value before: such a rule says nothing about a value that is new, unless it asks for it. */
  readonly isTransition: boolean;
  isFulfilled(input: RuleInput): boolean;
  /** The text of `messageExpression`; undefined when there is none or it yields none. */
  message(input: RuleInput): string | undefined;
}

/** `at` is the field of the rule that is wrong. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
  readonly at: 'rule' | 'messageExpression';
  constructor(at: 'rule' | 'messageExpression', message: string) {
    super(message);
    this.at = at;
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
  return {
    rule,
    isTransition: usesOldSelf(condition.ast),
    isFulfilled(input) {
      const result: unknown = condition({ ...input });
      if (typeof result !== 'boolean') throw new Error(`expected a truth value, the rule yielded ${typeof result}`);
      return result;
    },
    message(input) {
      const result: unknown = text?.({ ...input });
      // As the real server: an empty message, or one of several lines, is none.
      return typeof result === 'string' && result.trim() !== '' && !result.includes('\n') ? result.trim() : undefined;
    },
  };
}

type Compiled = ReturnType<Environment['parse']>;

function compile(environment: Environment, source: string, at: 'rule' | 'messageExpression', wanted: string, schema: JsonSchema): Compiled {
  if (source.trim() === '') throw new RuleError(at, `${at} is not specified`);
  let compiled: Compiled;
  try {
    compiled = environment.parse(source);
  } catch (error) {
    throw new RuleError(at, `compilation failed: ${firstLine(error)}`);
  }
  const checked = compiled.check();
  if (!checked.valid) throw new RuleError(at, `compilation failed: ${firstLine(checked.error)}`);
  if (checked.type !== wanted && checked.type !== 'dyn')
    throw new RuleError(at, `${at === 'rule' ? 'cel expression' : at} must evaluate to a ${wanted}`);
  const fault = findTypeFault(compiled.ast, schema);
  if (fault !== undefined) throw new RuleError(at, `compilation failed: ${fault}`);
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
