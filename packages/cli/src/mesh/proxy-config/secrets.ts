import { X509Certificate } from 'node:crypto';
import type { Table } from '../../output.ts';
import type { Message } from './dump.ts';

/** Only what certificates say in public: keys are not in a dump. */
export function tableOfSecrets(secrets: readonly Message[], now: Date): Table {
  const rows = secrets.map((secret) => {
    const isChain = secret['tls_certificate'] !== undefined;
    const source: Message | undefined = isChain
      ? secret['tls_certificate'].certificate_chain
      : (secret['validation_context'] ?? secret['combined_validation_context']?.default_validation_context)?.trusted_ca;
    const certificate = readCertificate(source);
    const kind = isChain ? 'Cert Chain' : 'CA';
    if (certificate === undefined) return [String(secret['name']), kind, 'WARMING', 'false', '', '', ''];
    const isValid = certificate.validFromDate <= now && now < certificate.validToDate;
    return [
      String(secret['name']),
      kind,
      'ACTIVE',
      String(isValid),
      certificate.serialNumber.toLowerCase(),
      isoOf(certificate.validToDate),
      isoOf(certificate.validFromDate),
    ];
  });
  return { header: ['RESOURCE NAME', 'TYPE', 'STATUS', 'VALID CERT', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE'], rows };
}

const isoOf = (date: Date) => date.toISOString().replace('.000', '');

function readCertificate(source: Message | undefined): X509Certificate | undefined {
  const text = source?.['inline_string'] ?? Buffer.from(source?.['inline_bytes'] ?? '', 'base64').toString('utf8');
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}
