import type { Environment } from '@marcbachmann/cel-js';
import type { StatusCause } from '@palisade/kubernetes';
import { celEnvironment } from '../cel/environment.ts';
import { firstLine } from '../cel/rule.ts';
import { unspecified } from '../cel/value.ts';

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
  const condition = environment.parse(expression);
  const checked = condition.check();
  if (!checked.valid) throw checked.error ?? new Error('invalid expression');
  if (checked.type !== 'bool' && checked.type !== 'dyn') throw new Error('must evaluate to bool');
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(expression, condition);
  return condition;
}

/** Faults of a webhook's conditions as the server would refuse them; empty when all compile. */
export function conditionFaults(conditions: readonly MatchCondition[], path: string): StatusCause[] {
  return conditions.flatMap(({ expression }, i): StatusCause[] => {
    const field = `${path}[${i}].expression`;
    if (!expression?.trim()) return [{ reason: 'FieldValueRequired', message: 'Required value', field }];
    try {
      compileCondition(expression);
      return [];
    } catch (error) {
      const message = `Invalid value: ${JSON.stringify(expression)}: compilation failed: ${firstLine(error)}`;
      return [{ reason: 'FieldValueInvalid', message, field }];
    }
  });
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
  for (const { name, expression } of conditions) {
    try {
      const result: unknown = compileCondition(expression)(variables);
      if (typeof result !== 'boolean') throw new Error('must evaluate to bool');
      if (!result) return false;
    } catch (error) {
      failures.push(`${name}: ${firstLine(error)}`);
    }
  }
  if (failures.length > 0) throw new Error(`error evaluating match conditions: ${failures.join(', ')}`);
  return true;
}
