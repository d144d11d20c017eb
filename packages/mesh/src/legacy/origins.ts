/** `origins` of authentication.istio.io/v1alpha1 Policy: JSON Web Tokens that a request must carry, and on which paths. */
import type { JwtRule, PathPattern, PathTrigger, TokenRequirement } from '../authn/request-authentication.ts';
import { readFields, readList, readOptional, readString, readStrings, refuse } from '../resources/read.ts';
import { checkExpression } from '../resources/regular-expression.ts';
import { readJwtRule } from '../resources/request-authentication.ts';

export const noTokens: TokenRequirement = { rules: [], isRequired: false, triggers: [] };

/** A token of any of the origins; without `originIsOptional` a request that has none is refused. */
export function readOrigins(value: unknown, isOptional: boolean): TokenRequirement {
  const origins = (readList(value, 'spec.origins') ?? []).map((item, index) => readOrigin(item, `spec.origins[${index}]`));
  const [first, ...others] = origins;
  if (first === undefined) return noTokens;
  // Each its own paths would need every combination of origins; nobody's policy is known to do that.
  const different = others.findIndex(({ triggers }) => JSON.stringify(triggers) !== JSON.stringify(first.triggers));
  if (different >= 0)
    refuse(`spec.origins[${different + 1}].jwt.triggerRules`, 'differ from those of the first origin, which is not supported');
  return { rules: origins.map(({ rule }) => rule), isRequired: !isOptional, triggers: first.triggers };
}

function readOrigin(value: unknown, field: string): { rule: JwtRule; triggers: PathTrigger[] } {
  const origin = readFields(value, field, ['jwt']);
  const where = `${field}.jwt`;
  const known = ['issuer', 'audiences', 'jwksUri', 'jwks_uri', 'jwks', 'jwtHeaders', 'jwtParams', 'triggerRules', 'trigger_rules'];
  const jwt = readFields(origin?.['jwt'], where, known) ?? refuse(where, 'missing');
  const headers = readStrings(jwt['jwtHeaders'], `${where}.jwtHeaders`);
  const params = readStrings(jwt['jwtParams'], `${where}.jwtParams`);
  const uri = readOptional(jwt['jwks_uri'], `${where}.jwks_uri`);
  const rule = readJwtRule(
    {
      issuer: jwt['issuer'],
      audiences: jwt['audiences'],
      jwks: jwt['jwks'],
      jwksUri: jwt['jwksUri'] ?? uri,
      fromHeaders: headers.map((name) => ({ name })),
      fromParams: params,
      // The proxy of that time passed the token on.
      forwardOriginalToken: true,
    },
    where,
  );
  return { rule, triggers: readTriggers(jwt['triggerRules'] ?? jwt['trigger_rules'], `${where}.triggerRules`) };
}

function readTriggers(value: unknown, field: string): PathTrigger[] {
  const triggers = (readList(value, field) ?? []).map((item, index): PathTrigger => {
    const where = `${field}[${index}]`;
    const trigger =
      readFields(item, where, ['excludedPaths', 'excluded_paths', 'includedPaths', 'included_paths']) ?? refuse(where, 'missing');
    return {
      included: readPatterns(trigger['includedPaths'] ?? trigger['included_paths'], `${where}.includedPaths`),
      excluded: readPatterns(trigger['excludedPaths'] ?? trigger['excluded_paths'], `${where}.excludedPaths`),
    };
  });
  // What one excludes another may include; a list that is read from the top cannot say that.
  if (triggers.length > 1 && triggers.some(({ excluded }) => excluded.length > 0))
    refuse(field, 'excludedPaths beside a second rule is not supported');
  return triggers;
}

function readPatterns(value: unknown, field: string): PathPattern[] {
  return (readList(value, field) ?? []).map((item, index): PathPattern => {
    const where = `${field}[${index}]`;
    const pattern = readFields(item, where, ['exact', 'prefix', 'suffix', 'regex']) ?? refuse(where, 'missing');
    const kinds = (['exact', 'prefix', 'suffix', 'regex'] as const).filter((kind) => pattern[kind] !== undefined);
    if (kinds.length !== 1) refuse(where, 'expected one of exact, prefix, suffix, regex');
    const text = readString(pattern[kinds[0]!], `${where}.${kinds[0]}`);
    if (kinds[0] === 'regex') checkExpression(text, `${where}.regex`);
    return { kind: kinds[0]!, text };
  });
}
