import { isDeepStrictEqual } from 'node:util';
import type { StatusCause } from '@palisade/kubernetes';
import { continuedBy } from '../registry/custom/list-types.ts';
import { isStruct, type JsonSchema } from '../registry/custom/schema.ts';
import { celEnvironment } from './environment.ts';
import { type CompiledRule, compileRule, firstLine, RuleError, type RuleInput, type ValidationRule } from './rule.ts';
import { resourceSchema, toCel } from './value.ts';

/** The rules of a schema, in its shape; branches without rules are left out. */
interface RuleNode {
  readonly schema: JsonSchema;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
}

export interface SchemaRules {
  readonly isEmpty: boolean;
  /** What the rules say about a valid object; empty when they are content. A rule that cannot be evaluated is not content. */
  check(object: unknown, old: unknown): StatusCause[];
}

/** Values beyond this many causes are not looked at any more: the answer is long enough. */
const MAX_CAUSES = 100;

/**
 * Compiles `x-kubernetes-validations` everywhere in a structural schema.
 *
 * @param report takes what does not compile, with the path of the rule below the schema; such rules refuse every value
 */
export function compileSchemaRules(
  schema: JsonSchema,
  report: (path: string, rule: ValidationRule, error: RuleError) => void,
): SchemaRules {
  const root = compileNode(resourceSchema(schema), '', true, report);
  return {
    isEmpty: root === undefined,
    check(object, old) {
      const causes: StatusCause[] = [];
      if (root !== undefined) visit(root, object, old, '', causes);
      return causes;
    },
  };
}

type Report = (path: string, rule: ValidationRule, error: RuleError) => void;

function compileNode(schema: JsonSchema, path: string, isCorrelatable: boolean, report: Report): RuleNode | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).map((rule, i) => {
    const at = `${path}.x-kubernetes-validations[${i}]`;
    try {
      const compiled = compileRule(rule, schema);
      if (compiled.isTransition && !isCorrelatable && rule.optionalOldSelf !== true) {
        throw new RuleError('rule', 'oldSelf cannot be used on the uncorrelatable portion of the schema');
      }
      return compiled;
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      report(at, rule, error);
      return neverFulfilled(rule, error);
    }
  });
  const properties = new Map<string, RuleNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = compileNode(property, `${path}.properties[${name}]`, isCorrelatable, report);
    if (node !== undefined) properties.set(name, node);
  }
  // Elements of a list are the same ones as before only where keys tell them apart.
  const isMapList = schema['x-kubernetes-list-type'] === 'map';
  const items = schema.items && compileNode(schema.items, `${path}.items`, isCorrelatable && isMapList, report);
  const values =
    typeof schema.additionalProperties === 'object'
      ? compileNode(schema.additionalProperties, `${path}.additionalProperties`, isCorrelatable, report)
      : undefined;
  if (rules.length === 0 && properties.size === 0 && items === undefined && values === undefined) return undefined;
  return { schema, rules, properties, items, values };
}

/** Stands for a rule of a definition stored by another version of this server: what cannot be checked is refused. */
function neverFulfilled(rule: ValidationRule, error: RuleError): CompiledRule {
  return {
    rule,
    isTransition: false,
    isFulfilled() {
      throw error;
    },
    message: () => undefined,
  };
}

function visit(node: RuleNode, value: unknown, old: unknown, path: string, causes: StatusCause[]): void {
  if (value === null || value === undefined || causes.length >= MAX_CAUSES) return;
  evaluateRules(node, value, old ?? undefined, path, causes);
  if (Array.isArray(value)) {
    if (node.items === undefined) return;
    const before = continuedBy(node.schema, old);
    for (const [i, item] of value.entries()) visit(node.items, item, before(item), `${path}[${i}]`, causes);
    return;
  }
  if (!isStruct(value)) return;
  const oldFields = isStruct(old) ? old : {};
  for (const [name, child] of Object.entries(value)) {
    const isProperty = node.schema.properties !== undefined && Object.hasOwn(node.schema.properties, name);
    const next = isProperty ? node.properties.get(name) : node.values;
    if (next === undefined) continue;
    const at = isProperty ? (path === '' ? name : `${path}.${name}`) : `${path}[${name}]`;
    visit(next, child, Object.hasOwn(oldFields, name) ? oldFields[name] : undefined, at, causes);
  }
}

function evaluateRules({ schema, rules }: RuleNode, value: unknown, old: unknown, path: string, causes: StatusCause[]): void {
  if (rules.length === 0) return;
  // What an update leaves as it was is not held against it (CRDValidationRatcheting), but transitions are always looked at.
  const isUnchanged = old !== undefined && isDeepStrictEqual(value, old);
  let self: unknown;
  let oldSelf: unknown;
  for (const compiled of rules) {
    const { rule, isTransition } = compiled;
    if (isTransition ? old === undefined && rule.optionalOldSelf !== true : isUnchanged) continue;
    self ??= toCel(schema, value);
    if (isTransition && old !== undefined) oldSelf ??= toCel(schema, old);
    const input: RuleInput = !isTransition ? { self } : { self, oldSelf: rule.optionalOldSelf === true ? optional(oldSelf) : oldSelf };
    const at = `${path}${rule.fieldPath ?? ''}`.replace(/^\./, '');
    const typeName = JSON.stringify(schema['x-kubernetes-int-or-string'] === true ? 'integer or string' : (schema.type ?? ''));
    const source = rule.rule.trim();
    try {
      if (!compiled.isFulfilled(input)) causes.push(causeOf(rule, at, typeName, explain(compiled, input, source)));
    } catch (error) {
      const text = firstLine(error);
      const detail = /^no such key/i.test(text)
        ? `${text} evaluating rule: ${source}`
        : `rule evaluation error: ${text} evaluating rule: ${source}`;
      causes.push({ reason: 'FieldValueInvalid', message: `Invalid value: ${typeName}: ${detail}`, field: path });
    }
  }
}

const OPTIONAL = celEnvironment().registerVariable('value', 'dyn');

/** CEL's `optional.of` and `optional.none`, made by the evaluator itself. */
function optional(value: unknown): unknown {
  return value === undefined ? OPTIONAL.evaluate('optional.none()') : OPTIONAL.evaluate('optional.of(value)', { value });
}

function explain(compiled: CompiledRule, input: RuleInput, source: string): string {
  const fallback = compiled.rule.message?.trim() || `failed rule: ${source}`;
  try {
    return compiled.message(input) ?? fallback;
  } catch {
    // As the real server: a message that cannot be made is replaced, the refusal stands.
    return fallback;
  }
}

function causeOf(rule: ValidationRule, field: string, typeName: string, detail: string): StatusCause {
  switch (rule.reason) {
    case 'FieldValueRequired':
      return { reason: rule.reason, message: `Required value: ${detail}`, field };
    case 'FieldValueForbidden':
      return { reason: rule.reason, message: `Forbidden: ${detail}`, field };
    case 'FieldValueDuplicate':
      return { reason: rule.reason, message: `Duplicate value: ${typeName}`, field };
    default:
      return { reason: 'FieldValueInvalid', message: `Invalid value: ${typeName}: ${detail}`, field };
  }
}
