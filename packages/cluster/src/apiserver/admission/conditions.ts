import type { Environment, ParseError } from '@marcbachmann/cel-js';
import type { StatusCause } from '@palisade/kubernetes';
import { celEnvironment, declaredFunctions } from '../cel/environment.ts';
import { firstLine } from '../cel/rule.ts';
import { unspecified } from '../cel/value.ts';
import { findUndeclared, syntaxFault } from '../cel/words.ts';

/** admissionregistration.k8s.io/v1 MatchCondition. */
export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/** What conditions may look at: the fields of an AdmissionReview's request, its objects once more by themselves. */
export interface ConditionFacts {
  readonly request: Readonly<Record<string, unknown>>;
  readonly object: unknown;
  readonly oldObject: unknown;
}

let environment: Environment | undefined;
class NotBoolean extends Error {}
/** Of several lines: the expression is shown with its fault. */
class NotCompiled extends Error {}

const compiled = new Map<string, ReturnType<Environment['parse']>>();
const MAX_COMPILED = 1000;

/** @throws Error with one line when the expression does not compile to a truth value */
function compileCondition(expression: string): ReturnType<Environment['parse']> {
  const known = compiled.get(expression);
  if (known !== undefined) return known;
  environment ??= celEnvironment()
    .registerVariable('object', 'dyn')
    .registerVariable('oldObject', 'dyn')
    .registerVariable('request', 'dyn');
  let condition: ReturnType<Environment['parse']>;
  try {
    condition = environment.parse(expression);
  } catch (error) {
    throw new NotCompiled(syntaxFault(expression, error as ParseError));
  }
  const undeclared = findUndeclared(condition.ast, declaredFunctions());
  if (undeclared !== undefined) throw new NotCompiled(undeclared);
  const checked = condition.check();
  if (!checked.valid) throw checked.error ?? new Error('invalid expression');
  if (checked.type !== 'bool' && checked.type !== 'dyn') throw new NotBoolean(`must evaluate to bool but got ${checked.type}`);
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(expression, condition);
  return condition;
}

/** Faults of a webhook's conditions as the server would refuse them; empty when all compile. */
export function conditionFaults(conditions: readonly MatchCondition[], path: string): StatusCause[] {
  const names = conditions.flatMap(({ name }, i): StatusCause[] => {
    const at = `${path}[${i}].name`;
    if (!name) return [{ reason: 'FieldValueRequired', message: 'Required value', field: at }];
    const isTwice = conditions.findIndex((other) => other.name === name) < i;
    return isTwice ? [{ reason: 'FieldValueDuplicate', message: `Duplicate value: ${JSON.stringify(name)}`, field: at }] : [];
  });
  const expressions = conditions.flatMap(({ expression }, i): StatusCause[] => {
    const field = `${path}[${i}].expression`;
    if (!expression?.trim()) return [{ reason: 'FieldValueRequired', message: 'Required value', field }];
    try {
      compileCondition(expression);
      return [];
    } catch (error) {
      const told = error instanceof NotCompiled ? error.message : firstLine(error);
      const why = error instanceof NotBoolean ? error.message : `compilation failed: ${told}`;
      const message = `Invalid value: ${JSON.stringify(expression)}: ${why}`;
      return [{ reason: 'FieldValueInvalid', message, field }];
    }
  });
  return [...expressions, ...names];
}

/**
 * Whether a request meets all conditions. One that is false decides even if others cannot be evaluated, as in the real server.
 *
 * @throws Error when none is false and one cannot be evaluated
 */
export function meetsConditions(conditions: readonly MatchCondition[], facts: ConditionFacts): boolean {
  const variables = {
    request: unspecified(facts.request),
    object: unspecified(facts.object ?? null),
    oldObject: unspecified(facts.oldObject ?? null),
  };
  const failures: string[] = [];
  for (const { expression } of conditions) {
    try {
      const result: unknown = compileCondition(expression)(variables);
      if (typeof result !== 'boolean') throw new Error('must evaluate to bool');
      if (!result) return false;
    } catch (error) {
      const why = firstLine(error).replace(/^No such key/, 'no such key');
      failures.push(`expression '${expression}' resulted in error: ${why}`);
    }
  }
  if (failures.length > 0) throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`);
  return true;
}
