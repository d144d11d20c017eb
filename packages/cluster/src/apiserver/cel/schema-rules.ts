import { isDeepStrictEqual } from 'node:util';
import type { StatusCause } from '@palisade/kubernetes';
import { continuedBy } from '../registry/custom/list-types.ts';
import { isStruct, type JsonSchema, type ValidationRule } from '../registry/custom/schema.ts';
import { times } from './cost/calls.ts';
import { estimateCost } from './cost/estimate.ts';
import { costFault, OBJECT_COST_BUDGET, RULE_COST_LIMIT } from './cost/limits.ts';
import { maxCardinality, multiplicity, sizedOf } from './cost/sizes.ts';
import { celEnvironment } from './environment.ts';
import { type CompiledRule, compileRule, firstLine, RuleError, type RuleInput, TooExpensive } from './rule.ts';
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

/** What a definition hears of its rules. */
export interface RuleReport {
  /** @param path of the rule below the schema */
  fault(path: string, rule: ValidationRule, error: RuleError): void;
  /** The estimated cost of an expression, as often as it may be evaluated for one object. */
  cost(path: string, at: RuleError['at'], cost: number): void;
}

/**
 * Compiles `x-kubernetes-validations` everywhere in a structural schema, what is inside before what is around it.
 *
 * @param report takes what does not compile, costs too much or looks back where nothing can be found; rules that do not compile refuse
 *   every value
 */
export function compileSchemaRules(schema: JsonSchema, report?: RuleReport): SchemaRules {
  const root = compileNode(resourceSchema(schema), { path: '', listPath: undefined, cardinality: 1, isResource: true }, report);
  return {
    isEmpty: root === undefined,
    check(object, old) {
      const run: Run = { causes: [], budget: OBJECT_COST_BUDGET, isOver: false };
      if (root !== undefined) visit(root, object, old, '', run);
      return run.causes;
    },
  };
}

/** One check of one object. */
interface Run {
  readonly causes: StatusCause[];
  /** What may still be spent. */
  budget: number;
  /** Nothing more is evaluated. */
  isOver: boolean;
}

interface Place {
  readonly path: string;
  /** The innermost list around it whose elements have no identity. */
  readonly listPath: string | undefined;
  /** How often the place can be there in one object; undefined without a limit. */
  readonly cardinality: number | undefined;
  readonly isResource: boolean;
}

function compileNode(schema: JsonSchema, place: Place, report: RuleReport | undefined): RuleNode | undefined {
  const factor = multiplicity(schema);
  const inside = (path: string, child: JsonSchema, listPath = place.listPath) =>
    compileNode(
      child,
      {
        path: `${place.path}${path}`,
        listPath,
        cardinality: place.cardinality === undefined || factor === undefined ? undefined : place.cardinality * factor,
        isResource: child['x-kubernetes-embedded-resource'] === true,
      },
      report,
    );
  const properties = new Map<string, RuleNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = inside(`.properties[${name}]`, property);
    if (node !== undefined) properties.set(name, node);
  }
  // Elements of a list are the same ones as before only where keys tell them apart.
  const isMapList = schema['x-kubernetes-list-type'] === 'map';
  const items = schema.items && inside('.items', schema.items, isMapList ? place.listPath : place.path);
  const values = typeof schema.additionalProperties === 'object' ? inside('.additionalProperties', schema.additionalProperties) : undefined;
  const rules = (schema['x-kubernetes-validations'] ?? []).map((rule, i) => compileAt(schema, rule, i, place, report));
  if (rules.length === 0 && properties.size === 0 && items === undefined && values === undefined) return undefined;
  return { schema, rules, properties, items, values };
}

function compileAt(schema: JsonSchema, rule: ValidationRule, i: number, place: Place, report: RuleReport | undefined): CompiledRule {
  const at = `${place.path}.x-kubernetes-validations[${i}]`;
  let compiled: CompiledRule;
  try {
    compiled = compileRule(rule, schema);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    report?.fault(at, rule, error);
    return neverFulfilled(rule, error);
  }
  if (report !== undefined) reportCost(compiled, schema, at, place, report);
  if (compiled.isTransition && place.listPath !== undefined) {
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.listPath}`;
    const error = new RuleError('rule', why, 'place');
    report?.fault(at, rule, error);
    return neverFulfilled(rule, error);
  }
  if (!compiled.isTransition && rule.optionalOldSelf !== undefined)
    report?.fault(at, rule, new RuleError('optionalOldSelf', 'may not be set if oldSelf is not used in rule', 'place'));
  return compiled;
}

function reportCost({ rule, expressions }: CompiledRule, schema: JsonSchema, at: string, place: Place, report: RuleReport): void {
  const sized = sizedOf(schema, place.isResource);
  if (sized === undefined) return;
  for (const { at: field, ast } of expressions) {
    const often = field === 'rule' ? (place.cardinality ?? maxCardinality(sized)) : 1;
    const cost = times(estimateCost(ast, sized), often);
    report.cost(at, field, cost);
    const what = `estimated ${field === 'rule' ? 'rule' : field} cost`;
    if (cost > RULE_COST_LIMIT) report.fault(at, rule, new RuleError(field, costFault(what, cost, RULE_COST_LIMIT), 'cost'));
  }
}

/** Stands for a rule of a definition stored by another version of this server: what cannot be checked is refused. */
function neverFulfilled(rule: ValidationRule, error: RuleError): CompiledRule {
  return {
    rule,
    expressions: [],
    spent: 0,
    isTransition: false,
    isFulfilled() {
      throw error;
    },
    message: () => undefined,
  };
}

function visit(node: RuleNode, value: unknown, old: unknown, path: string, run: Run): void {
  if (value === null || value === undefined || run.isOver || run.causes.length >= MAX_CAUSES) return;
  evaluateRules(node, value, old ?? undefined, path, run);
  if (Array.isArray(value)) {
    if (node.items === undefined) return;
    const before = continuedBy(node.schema, old);
    for (const [i, item] of value.entries()) visit(node.items, item, before(item), `${path}[${i}]`, run);
    return;
  }
  if (!isStruct(value)) return;
  const oldFields = isStruct(old) ? old : {};
  for (const [name, child] of Object.entries(value)) {
    const isProperty = node.schema.properties !== undefined && Object.hasOwn(node.schema.properties, name);
    const next = isProperty ? node.properties.get(name) : node.values;
    if (next === undefined) continue;
    const at = isProperty ? (path === '' ? name : `${path}.${name}`) : `${path}[${name}]`;
    visit(next, child, Object.hasOwn(oldFields, name) ? oldFields[name] : undefined, at, run);
  }
}

function evaluateRules({ schema, rules }: RuleNode, value: unknown, old: unknown, path: string, run: Run): void {
  if (rules.length === 0) return;
  // What an update leaves as it was is not held against it (CRDValidationRatcheting), but transitions are always looked at.
  const isUnchanged = old !== undefined && isDeepStrictEqual(value, old);
  let self: unknown;
  let oldSelf: unknown;
  for (const compiled of rules) {
    if (run.isOver) return;
    const { rule, isTransition } = compiled;
    if (isTransition ? old === undefined && rule.optionalOldSelf !== true : isUnchanged) continue;
    self ??= toCel(schema, value);
    if (isTransition && old !== undefined) oldSelf ??= toCel(schema, old);
    const input: RuleInput = !isTransition ? { self } : { self, oldSelf: rule.optionalOldSelf === true ? optional(oldSelf) : oldSelf };
    const typeName = JSON.stringify(schema['x-kubernetes-int-or-string'] === true ? 'integer or string' : (schema.type ?? ''));
    const cause = judge(compiled, input, path, typeName);
    run.budget -= compiled.spent;
    if (run.budget < 0) {
      const why = 'validation failed due to running out of cost budget, no further validation rules will be run';
      run.causes.push({ reason: 'FieldValueInvalid', message: `Invalid value: ${typeName}: ${why}`, field: path });
      run.isOver = true;
    } else if (cause !== undefined) {
      run.causes.push(cause.cause);
      run.isOver = cause.isLast;
    }
  }
}

/** What one rule says of a value; nothing when it is content. */
function judge(
  compiled: CompiledRule,
  input: RuleInput,
  path: string,
  typeName: string,
): { cause: StatusCause; isLast: boolean } | undefined {
  const { rule } = compiled;
  const source = rule.rule.trim();
  const refuse = (detail: string, isLast = false) => ({
    cause: { reason: 'FieldValueInvalid', message: `Invalid value: ${typeName}: ${detail}`, field: path },
    isLast,
  });
  try {
    if (compiled.isFulfilled(input)) return undefined;
    const at = `${path}${rule.fieldPath ?? ''}`.replace(/^\./, '');
    return { cause: causeOf(rule, at, typeName, explain(compiled, input, source)), isLast: false };
  } catch (error) {
    const text = firstLine(error);
    if (error instanceof TooExpensive) {
      const named = rule.message?.trim() || source;
      return refuse(`'${text}': call cost exceeded limit for rule: ${named}, no further validation rules will be run`, true);
    }
    return refuse(
      /^no such key/i.test(text) ? `${text} evaluating rule: ${source}` : `rule evaluation error: ${text} evaluating rule: ${source}`,
    );
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
