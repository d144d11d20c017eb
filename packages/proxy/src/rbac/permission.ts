/** `envoy.config.rbac.v3.Permission`: what is asked for. */
import type { Permission } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import type { AuthzFacts } from '../facts.ts';
import { compileHeaderMatcher, type RequestTest } from '../match/header-matcher.ts';
import { compileMetadataMatcher } from '../match/metadata.ts';
import { compilePathMatcher, compileUriTemplate } from '../match/path.ts';
import { compileStringMatcher } from '../match/string-matcher.ts';
import { compilePrefix } from '../net/address.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';

export type FactTest = (facts: AuthzFacts) => boolean;

export function compilePermission(permission: Permission, where: string): FactTest {
  const { rule } = permission;
  switch (rule.case) {
    case 'any':
      return () => rule.value;
    case 'andRules':
      return every(rule.value.rules.map((inner) => compilePermission(inner, where)));
    case 'orRules':
      return some(rule.value.rules.map((inner) => compilePermission(inner, where)));
    case 'notRule': {
      const test = compilePermission(rule.value, where);
      return (facts) => !test(facts);
    }
    case 'header':
      return onRequest(compileHeaderMatcher(rule.value, where));
    case 'urlPath':
      return onRequest(compilePathMatcher(rule.value, where));
    case 'uriTemplate':
      return onRequest(compileUriTemplate(rule.value, where));
    case 'destinationIp': {
      const prefix = compilePrefix(rule.value, where);
      return (facts) => prefix.holds(facts.connection.destination);
    }
    case 'destinationPort':
      return (facts) => facts.connection.destinationPort === rule.value;
    case 'destinationPortRange': {
      const { start, end } = rule.value;
      return (facts) => facts.connection.destinationPort >= start && facts.connection.destinationPort < end;
    }
    case 'metadata':
      return compileMetadataMatcher(rule.value, where);
    case 'requestedServerName': {
      const test = compileStringMatcher(rule.value, where);
      return (facts) => test(facts.connection.serverName);
    }
    case 'matcher':
      throw unsupported(where, 'permission "matcher"');
    case undefined:
      throw new ProxyError('bad-config', `${where}: a permission names no rule`);
    default:
      throw new Error(rule satisfies never);
  }
}

export function every(tests: readonly FactTest[]): FactTest {
  if (tests.length === 1) return tests[0]!;
  return (facts) => {
    for (const test of tests) if (!test(facts)) return false;
    return true;
  };
}

export function some(tests: readonly FactTest[]): FactTest {
  if (tests.length === 1) return tests[0]!;
  return (facts) => {
    for (const test of tests) if (test(facts)) return true;
    return false;
  };
}

/** Without a request (a TCP connection) a condition on one does not hold. */
export function onRequest(test: RequestTest): FactTest {
  return (facts) => facts.request !== undefined && test(facts.request);
}
