/** `envoy.type.matcher.v3.MetadataMatcher` over dynamic metadata (the claims of a verified token, among others). */
import type { MetadataMatcher } from '@palisade/xds/api/envoy/type/matcher/v3/metadata';
import type { ValueMatcher } from '@palisade/xds/api/envoy/type/matcher/v3/value';
import type { AuthzFacts } from '../facts.ts';
import { ProxyError } from '../proxy-error.ts';
import { compileStringMatcher } from './string-matcher.ts';

export function compileMetadataMatcher(matcher: MetadataMatcher, where: string): (facts: AuthzFacts) => boolean {
  const keys = matcher.path.map((segment) => segment.segment.value ?? '');
  if (keys.length === 0 || matcher.value === undefined) throw new ProxyError('bad-config', `${where}: metadata needs a path and a value`);
  const test = compileValueMatcher(matcher.value, where);
  return (facts) => {
    let value: unknown = facts.metadata?.[matcher.filter];
    for (const key of keys) value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    return test(value) !== matcher.invert;
  };
}

type ValueTest = (value: unknown) => boolean;

function compileValueMatcher(matcher: ValueMatcher, where: string): ValueTest {
  const pattern = matcher.matchPattern;
  switch (pattern.case) {
    case 'nullMatch':
      return (value) => value === null;
    case 'boolMatch':
      return (value) => value === pattern.value;
    case 'presentMatch':
      return (value) => (value !== undefined && value !== null) === pattern.value;
    case 'stringMatch': {
      const test = compileStringMatcher(pattern.value, where);
      return (value) => typeof value === 'string' && test(value);
    }
    case 'doubleMatch': {
      const wanted = pattern.value.matchPattern;
      if (wanted.case === 'exact') return (value) => value === wanted.value;
      if (wanted.case === 'range') return (value) => typeof value === 'number' && value >= wanted.value.start && value < wanted.value.end;
      throw new ProxyError('bad-config', `${where}: double_match needs a pattern`);
    }
    case 'listMatch': {
      if (pattern.value.matchPattern.case !== 'oneOf') throw new ProxyError('bad-config', `${where}: list_match needs one_of`);
      const test = compileValueMatcher(pattern.value.matchPattern.value, where);
      return (value) => Array.isArray(value) && value.some(test);
    }
    case 'orMatch': {
      const tests = pattern.value.valueMatchers.map((inner) => compileValueMatcher(inner, where));
      return (value) => tests.some((test) => test(value));
    }
    case undefined:
      throw new ProxyError('bad-config', `${where}: value needs a pattern`);
    default:
      throw new Error(pattern satisfies never);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
