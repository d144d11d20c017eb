/** Names in a certificate that TLS has already chained to a trust anchor. */
import type { X509Certificate } from 'node:crypto';
import {
  type SubjectAltNameMatcher,
  SubjectAltNameMatcher_SanType,
} from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import type { Peer } from '../facts.ts';
import { compileStringMatcher, type StringTest } from '../match/string-matcher.ts';
import { unsupported } from '../proxy-error.ts';

/** Node quotes a name that holds a comma, a quote or a control character; such names are nobody's (CVE-2021-44532, CVE-2025-66220). */
function altNames(certificate: Pick<X509Certificate, 'subjectAltName'>): string[] {
  const text = certificate.subjectAltName ?? '';
  return text === '' || text.includes('"') ? [] : text.split(', ');
}

function namesOf(certificate: Pick<X509Certificate, 'subjectAltName'>, kind: string): string[] {
  return altNames(certificate).flatMap((name) => (name.startsWith(kind) ? [name.slice(kind.length)] : []));
}

export const uriNames = (certificate: Pick<X509Certificate, 'subjectAltName'>) => namesOf(certificate, 'URI:');
const dnsNames = (certificate: Pick<X509Certificate, 'subjectAltName'>) => namesOf(certificate, 'DNS:');

export function readPeer(certificate: X509Certificate): Peer {
  return {
    uriSans: uriNames(certificate),
    dnsSans: dnsNames(certificate),
    subject: (certificate.subject ?? '').split('\n').reverse().join(','),
    hash: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

/** @returns a test of a certificate; no matchers admit every certificate the trust anchors vouch for */
export function compileSanMatchers(matchers: readonly SubjectAltNameMatcher[], where: string): (certificate: X509Certificate) => boolean {
  if (matchers.length === 0) return () => true;
  const tests = matchers.map((matcher) => {
    const test: StringTest = compileStringMatcher(matcher.matcher!, where);
    switch (matcher.sanType) {
      case SubjectAltNameMatcher_SanType.URI:
        return (certificate: X509Certificate) => uriNames(certificate).some(test);
      case SubjectAltNameMatcher_SanType.DNS:
        return (certificate: X509Certificate) => dnsNames(certificate).some((name) => test(name) || wildcardCovers(name, matcher));
      case SubjectAltNameMatcher_SanType.IP_ADDRESS:
        return (certificate: X509Certificate) => namesOf(certificate, 'IP Address:').some(test);
      default:
        throw unsupported(where, `SAN type ${matcher.sanType}`);
    }
  });
  return (certificate) => tests.some((test) => test(certificate));
}

/** `*.example.com` stands for one label; an exact matcher admits it (RFC 6125 §6.4.3; wider is CVE-2020-15104). */
function wildcardCovers(name: string, matcher: SubjectAltNameMatcher): boolean {
  const pattern = matcher.matcher?.matchPattern;
  if (pattern?.case !== 'exact' || !name.startsWith('*.')) return false;
  const dot = pattern.value.indexOf('.');
  return dot > 0 && pattern.value.slice(dot).toLowerCase() === name.slice(1).toLowerCase();
}
