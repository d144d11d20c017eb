import type { Environment } from '@marcbachmann/cel-js';
import type { JsonSchema } from '../registry/custom/schema.ts';
import { faultAt } from './words.ts';

/**
 * What a rule may do with values, by their schema: fields that no schema knows and texts compared with numbers are refused when the
 * definition is written, in the words of cel-go. Where the schema leaves a value open the evaluator finds out.
 */

type Ast = ReturnType<Environment['parse']>['ast'];
type Variables = ReadonlyMap<string, JsonSchema>;

const MACROS = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);
const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=']);
const ARITHMETIC = new Set(['+', '-', '*', '/', '%']);

const isAst = (value: unknown): value is Ast => typeof value === 'object' && value !== null && 'op' in value && 'range' in value;

/** @returns the first fault, as cel-go reports it; undefined when there is none */
export function findTypeFault(ast: Ast, schema: JsonSchema): string | undefined {
  return visit(ast, new Map([['self', schema]]));
}

function visit(node: unknown, variables: Variables): string | undefined {
  if (Array.isArray(node)) {
    for (const item of node) {
      const fault = visit(item, variables);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  if (!isAst(node)) return undefined;
  const { op, args } = node as { op: string; args: unknown };
  if (op === 'rcall' && Array.isArray(args) && MACROS.has(String(args[0]))) return visitMacro(args as [string, Ast, Ast[]], variables);
  const inner = visit(args, variables);
  if (inner !== undefined) return inner;
  if (op === '.') return fieldFault(node, args as [Ast, string], variables);
  return COMPARISONS.has(op) || ARITHMETIC.has(op) ? operandFault(node, op, args as [Ast, Ast], variables) : undefined;
}

/** `list.all(x, …)`: inside, `x` is an element. */
function visitMacro([, list, given]: [string, Ast, Ast[]], variables: Variables): string | undefined {
  const fault = visit(list, variables);
  if (fault !== undefined) return fault;
  const [variable, ...bodies] = given;
  const name = isAst(variable) && (variable.op as string) === 'id' ? String(variable.args) : '';
  const within = new Map(variables);
  const items = schemaOf(list, variables)?.items;
  if (items === undefined) within.delete(name);
  else within.set(name, items);
  return visit(bodies, within);
}

/** undefined where the schema does not say. */
function schemaOf(node: unknown, variables: Variables): JsonSchema | undefined {
  if (!isAst(node)) return undefined;
  const { op, args } = node as { op: string; args: unknown };
  if (op === 'id') return variables.get(String(args));
  if (op !== '.' && op !== '[]') return undefined;
  const [target, key] = args as [Ast, unknown];
  const schema = schemaOf(target, variables);
  if (op === '[]') return schema?.items ?? mapValue(schema);
  const name = String(key);
  return schema?.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : mapValue(schema);
}

const mapValue = (schema: JsonSchema | undefined): JsonSchema | undefined =>
  typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;

function fieldFault(node: Ast, [target, name]: [Ast, string], variables: Variables): string | undefined {
  const schema = schemaOf(target, variables);
  // Names that CEL writes otherwise (`__dot__`) are left to the evaluator, and objects whose fields are not all named.
  if (schema?.properties === undefined || name.includes('__') || schema['x-kubernetes-preserve-unknown-fields'] === true) return undefined;
  if (schema.additionalProperties !== undefined || schema['x-kubernetes-embedded-resource'] === true) return undefined;
  if (Object.hasOwn(schema.properties, name)) return undefined;
  return faultAt(node.input, node.input.indexOf('.', target.range.end), `undefined field '${name}'`);
}

function operandFault(node: Ast, op: string, [left, right]: [Ast, Ast], variables: Variables): string | undefined {
  const [a, b] = [scalarOf(left, variables), scalarOf(right, variables)];
  if (a === undefined || b === undefined || a === b || (COMPARISONS.has(op) && isNumber(a) && isNumber(b))) return undefined;
  const at = node.input.indexOf(op, left.range.end);
  return faultAt(node.input, at, `found no matching overload for '_${op}_' applied to '(${a}, ${b})'`);
}

const isNumber = (type: string): boolean => type === 'int' || type === 'double';
const SCALARS: Readonly<Record<string, string>> = { string: 'string', integer: 'int', number: 'double', boolean: 'bool' };

/** The type of an expression that is a plain value; undefined for others. */
export function typeOf(ast: Ast, schema: JsonSchema): string | undefined {
  return scalarOf(ast, new Map([['self', schema]]));
}

/** The type of a literal, or of a value whose schema names a plain one. */
function scalarOf(node: Ast, variables: Variables): string | undefined {
  const { op, args } = node as { op: string; args: unknown };
  if (op === 'value') {
    if (typeof args === 'string') return 'string';
    if (typeof args === 'boolean') return 'bool';
    return typeof args === 'bigint' ? 'int' : typeof args === 'number' ? 'double' : undefined;
  }
  const schema = schemaOf(node, variables);
  const isPlain =
    schema !== undefined && schema.format === undefined && schema.nullable !== true && schema['x-kubernetes-int-or-string'] !== true;
  return isPlain ? SCALARS[schema.type ?? ''] : undefined;
}
