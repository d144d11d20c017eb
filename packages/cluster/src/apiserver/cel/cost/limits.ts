/** What rules may cost, in the units of cel-go (apiserver `apis/cel/config.go`, apiextensions `validation`). */

/** One rule, estimated when the definition is written. */
export const RULE_COST_LIMIT = 10_000_000;
/** All rules of a schema, estimated. */
export const SCHEMA_COST_LIMIT = 100_000_000;
/** One evaluation of one rule. */
export const CALL_COST_LIMIT = 1_000_000;
/** All evaluations for one object. */
export const OBJECT_COST_BUDGET = 10_000_000;

/** How a limit that was exceeded is told. */
export function costFault(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const told = factor > 100 ? 'more than 100x' : `${factor.toFixed(factor < 1.5 ? 6 : 1)}x`;
  return `${what} exceeds budget by factor of ${told} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
