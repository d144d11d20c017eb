/** `envoy.config.rbac.v3.Principal`: who asks. */
import type { Principal } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import type { Peer } from '../facts.ts';
import { compileHeaderMatcher } from '../match/header-matcher.ts';
import { compileMetadataMatcher } from '../match/metadata.ts';
import { compilePathMatcher } from '../match/path.ts';
import { compileStringMatcher, type StringTest } from '../match/string-matcher.ts';
import { compilePrefix } from '../net/address.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { every, type FactTest, onRequest, some } from './permission.ts';

/** Istio's filter state of who is at the other end; for a sidecar it is the certificate's URI name. */
const peerPrincipalKey = 'io.istio.peer_principal';

export function compilePrincipal(principal: Principal, where: string): FactTest {
  const { identifier } = principal;
  switch (identifier.case) {
    case 'any':
      return () => identifier.value;
    case 'andIds':
      return every(identifier.value.ids.map((inner) => compilePrincipal(inner, where)));
    case 'orIds':
      return some(identifier.value.ids.map((inner) => compilePrincipal(inner, where)));
    case 'notId': {
      const test = compilePrincipal(identifier.value, where);
      return (facts) => !test(facts);
    }
    case 'authenticated': {
      const name = identifier.value.principalName;
      if (name === undefined) return (facts) => facts.connection.peer !== undefined;
      const test = compileStringMatcher(name, where);
      return (facts) => facts.connection.peer !== undefined && namesMatch(facts.connection.peer, test);
    }
    case 'sourceIp':
    case 'directRemoteIp': {
      const prefix = compilePrefix(identifier.value, where);
      return (facts) => prefix.holds(facts.connection.source);
    }
    case 'remoteIp': {
      const prefix = compilePrefix(identifier.value, where);
      return (facts) => prefix.holds(facts.remote);
    }
    case 'header':
      return onRequest(compileHeaderMatcher(identifier.value, where));
    case 'urlPath':
      return onRequest(compilePathMatcher(identifier.value, where));
    case 'metadata':
      return compileMetadataMatcher(identifier.value, where);
    case 'filterState': {
      if (identifier.value.key !== peerPrincipalKey || identifier.value.matcher.case !== 'stringMatch')
        throw unsupported(where, `filter state "${identifier.value.key}"`);
      const test = compileStringMatcher(identifier.value.matcher.value, where);
      return (facts) => facts.connection.peer?.uriSans.some(test) === true;
    }
    case undefined:
      throw new ProxyError('bad-config', `${where}: a principal names no identifier`);
    default:
      throw new Error(identifier satisfies never);
  }
}

/** Envoy: URI names when there are any, else DNS names, else the subject. */
function namesMatch(peer: Peer, test: StringTest): boolean {
  if (peer.uriSans.length > 0) return peer.uriSans.some(test);
  if (peer.dnsSans.length > 0) return peer.dnsSans.some(test);
  return test(peer.subject);
}
