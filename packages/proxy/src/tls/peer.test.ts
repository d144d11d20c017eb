/** Names in certificates that were made to be misread (CVE-2020-15104, CVE-2021-44532, CVE-2025-66220). */
import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  SubjectAltNameMatcher_SanType as SanType,
  SubjectAltNameMatcherSchema,
} from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import { compileSanMatchers, uriNames } from './peer.ts';

const certificate = (subjectAltName: string | undefined) => ({ subjectAltName }) as X509Certificate;
const exact = (sanType: SanType, value: string) =>
  compileSanMatchers([create(SubjectAltNameMatcherSchema, { sanType, matcher: { matchPattern: { case: 'exact', value } } })], 'test');

test('a name is the whole name, of its own kind', () => {
  const id = 'spiffe://cluster.local/ns/a/sa/b';
  const admits = exact(SanType.URI, id);
  const cases: readonly (readonly [string | undefined, boolean])[] = [
    [`URI:${id}`, true],
    [`DNS:x, URI:${id}`, true],
    [`URI:${id}x`, false],
    [`URI:${id.toUpperCase()}`, false],
    [`DNS:${id}`, false],
    // Node quotes what holds a comma, a quote or a control character: a name inside a name is nobody's.
    [`DNS:"x, URI:${id}"`, false],
    [`URI:"${id}\\u0000.evil"`, false],
    [`URI:${id}, DNS:"a, b"`, false],
    ['', false],
    [undefined, false],
  ];
  for (const [names, expected] of cases) assert.equal(admits(certificate(names)), expected, names);
  assert.deepEqual(uriNames(certificate(`URI:${id}, URI:spiffe://x`)), [id, 'spiffe://x']);
});

test('a wildcard stands for one label', () => {
  const admits = exact(SanType.DNS, 'api.example.com');
  for (const [names, expected] of [
    ['DNS:api.example.com', true],
    ['DNS:*.example.com', true],
    ['DNS:*.com', false],
    ['DNS:*', false],
    ['DNS:*.api.example.com', false],
    ['DNS:a*.example.com', false],
  ] as const)
    assert.equal(admits(certificate(names)), expected, names);
  assert.equal(exact(SanType.DNS, 'a.b.example.com')(certificate('DNS:*.example.com')), false);
});
