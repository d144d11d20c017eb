import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestSigner } from '../../contract.ts';
import type { KeyPairPem } from './issue.ts';

export interface ServingNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** The cluster's own certificate authority, kept in the state folder so that kubeconfigs survive restarts. */
export interface Authority {
  readonly caCertificatePem: string;
  /** The serving certificate; made anew when its names change or it has less than 30 days left. */
  serving(names: ServingNames): Promise<KeyPairPem>;
  /** A client certificate: CN is the user name, each O a group. Cached in the state folder by file name. */
  client(file: string, user: string, groups: readonly string[]): Promise<KeyPairPem>;
  readonly requests: RequestSigner;
}

/** Certificates are remade when they have less left than this. */
const RENEW_BEFORE_MS = 30 * 24 * 3600 * 1000;
/** Life of the CA, ten years, and of what it signs, one year: as kubeadm's. */
const CA_DAYS = 3650;
const LEAF_DAYS = 365;
const DAY_SECONDS = 24 * 3600;

/**
 * Opens or makes the authority under `directory`. The X.509 library is loaded only when something must be made: a restart
 * reads files.
 */
export async function openAuthority(directory: string, clock: () => Date): Promise<Authority> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const ca = await cached(
    directory,
    'ca',
    clock,
    () => true,
    async () => (await import('./issue.ts')).issueAuthority('palisade-ca', clock(), CA_DAYS),
  );
  const sign = async (request: import('./issue.ts').LeafRequest) => (await import('./issue.ts')).issueLeaf(ca, request, clock(), LEAF_DAYS);
  return {
    caCertificatePem: ca.certificatePem,
    serving(names) {
      const covers = (certificate: X509Certificate) =>
        names.dnsNames.every((name) => certificate.checkHost(name) !== undefined) &&
        names.ipAddresses.every((address) => certificate.checkIP(address) !== undefined);
      return cached(
        directory,
        'serving',
        clock,
        (certificate) => certificate.verify(new X509Certificate(ca.certificatePem).publicKey) && covers(certificate),
        () => sign({ commonName: 'kube-apiserver', organizations: [], ...names, usage: 'server' }),
      );
    },
    requests: {
      read: async (requestPem) => (await import('./certificate-request.ts')).readRequest(requestPem),
      sign: async (requestPem, usages, seconds = LEAF_DAYS * DAY_SECONDS) =>
        (await import('./certificate-request.ts')).signRequest(ca, requestPem, {
          usages,
          now: clock(),
          seconds: Math.min(seconds, LEAF_DAYS * DAY_SECONDS),
        }),
    },
    client(file, user, groups) {
      return cached(
        directory,
        file,
        clock,
        (certificate) => certificate.verify(new X509Certificate(ca.certificatePem).publicKey),
        () => sign({ commonName: user, organizations: groups, dnsNames: [], ipAddresses: [], usage: 'client' }),
      );
    },
  };
}

async function cached(
  directory: string,
  name: string,
  clock: () => Date,
  isGood: (certificate: X509Certificate) => boolean,
  make: () => Promise<KeyPairPem>,
): Promise<KeyPairPem> {
  const certificatePath = join(directory, `${name}.crt`);
  const keyPath = join(directory, `${name}.key`);
  if (existsSync(certificatePath) && existsSync(keyPath)) {
    const pair = { certificatePem: readFileSync(certificatePath, 'utf8'), privateKeyPem: readFileSync(keyPath, 'utf8') };
    const certificate = new X509Certificate(pair.certificatePem);
    if (Date.parse(certificate.validTo) - clock().getTime() > RENEW_BEFORE_MS && isGood(certificate)) return pair;
  }
  const pair = await make();
  writeFileSync(keyPath, pair.privateKeyPem, { mode: 0o600 });
  writeFileSync(certificatePath, pair.certificatePem);
  return pair;
}
