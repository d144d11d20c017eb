import { X509Certificate } from 'node:crypto';
import type { Struct } from '../defaults/value.ts';
import type { Findings } from './findings.ts';
import { checkDns1123Label, checkDns1123Subdomain } from './names.ts';

/** CertificateSigningRequest (certificates.k8s.io/v1). Whether `spec.request` is signed by its own key is for the server to find out. */

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];
const minSeconds = 600;
/** A domain, a slash, and a resource's full name with a namespace before it. */
const maxSignerBytes = 253 + (253 + 63 + 1) + 1;

function validateSignerName(f: Findings, at: string, name: string): void {
  const segments = name.split('/');
  if (name === '') f.required(at);
  else if (segments.length !== 2) f.invalid(at, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  else validateSegments(f, at, segments[0]!, segments[1]!);
}

function validateSegments(f: Findings, at: string, domain: string, path: string): void {
  if (Buffer.byteLength(domain) > 253) f.tooLong(at, 253);
  const labels = domain.split('.');
  const firstFault = (parts: readonly string[], check: (part: string) => readonly string[]) => {
    const bad = parts.find((part) => check(part).length > 0);
    return bad === undefined ? [] : check(bad).map((complaint) => `validating label ${JSON.stringify(bad)}: ${complaint}`);
  };
  f.invalidEach(at, domain, firstFault(labels, checkDns1123Label));
  if (labels.length < 2) f.invalid(at, domain, 'should be a domain with at least two segments separated by dots');
  f.invalidEach(at, path, firstFault(path.split('.'), checkDns1123Subdomain));
  if (Buffer.byteLength(domain) + 1 + Buffer.byteLength(path) > maxSignerBytes) f.tooLong(at, maxSignerBytes);
}

interface Condition {
  readonly type?: string;
  readonly status?: string;
}

const conditionsOf = (csr: Struct): readonly Condition[] => csr['status']?.conditions ?? [];
/** What became of a request: such a condition is true or absent. */
const outcomes = ['Approved', 'Denied', 'Failed'];

function validateConditions(f: Findings, csr: Struct): void {
  const seen = new Set<string>();
  for (const [i, { type = '', status = '' }] of conditionsOf(csr).entries()) {
    const at = `status.conditions[${i}]`;
    if (type === '') f.required(`${at}.type`);
    f.oneOf(`${at}.status`, status, outcomes.includes(type) ? ['True'] : ['False', 'True', 'Unknown']);
    const opposite = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (opposite !== undefined && seen.has(opposite))
      f.invalid('status.conditions', type, 'Approved and Denied conditions are mutually exclusive');
    if (seen.has(type)) f.duplicate(`${at}.type`, type);
    seen.add(type);
  }
}

/** Why a base64 text is no chain of certificates in PEM. */
function certificateFault(encoded: string): string | undefined {
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  const blocks = [...text.matchAll(/-----BEGIN ([^-\r\n]*)-----\r?\n([\s\S]*?)-----END \1-----/g)];
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const [, type = '', content = ''] of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (content.includes(':')) return 'no PEM block headers are permitted';
    const der = Buffer.from(content, 'base64');
    if (der.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      new X509Certificate(der);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return undefined;
}

export function validateCertificateRequest(f: Findings, csr: Struct): void {
  const { usages: asked = [], signerName = '', expirationSeconds } = csr['spec'] ?? {};
  if (asked.length === 0) f.required('spec.usages');
  for (const [i, usage] of (asked as string[]).entries()) if (!usages.includes(usage)) f.notSupported(`spec.usages[${i}]`, usage, usages);
  for (const [i, usage] of (asked as string[]).entries()) if (asked.indexOf(usage) !== i) f.duplicate(`spec.usages[${i}]`, usage);
  if (signerName === 'kubernetes.io/legacy-unknown')
    f.invalid('spec.signerName', signerName, 'the legacy signerName is not allowed via this API version');
  else validateSignerName(f, 'spec.signerName', signerName);
  if (expirationSeconds < minSeconds)
    f.invalid('spec.expirationSeconds', expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)');
  validateConditions(f, csr);
}

/** What became of a request is never taken back, and a certificate never changed. */
export function validateCertificateRequestUpdate(f: Findings, csr: Struct, old: Struct): void {
  const [after, before]: [string?, string?] = [csr['status']?.certificate, old['status']?.certificate];
  const fault = after && after !== before ? certificateFault(after) : undefined;
  if (fault !== undefined) f.invalid('status.certificate', '<certificate data>', fault);
  for (const type of outcomes) {
    const count = (one: Struct) => conditionsOf(one).filter((condition) => condition.type === type).length;
    if (count(csr) < count(old)) f.forbidden('status.conditions', `updates may not remove a condition of type "${type}"`);
  }
  if (before && after !== before) f.forbidden('status.certificate', 'updates may not modify existing certificate content');
}
