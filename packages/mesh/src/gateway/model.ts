/** A checked Gateway: what its servers offer, all of it served. */

export interface Gateway {
  readonly namespace: string;
  readonly name: string;
  /** Unix seconds: of two that claim one port the older decides its protocol. */
  readonly createdSeconds: number;
  /** Of pods in any namespace, as in Istio. */
  readonly selector: Readonly<Record<string, string>>;
  readonly servers: readonly Server[];
}

export interface Server {
  /** As the Service in front shows it; the pod listens on the Service's target port. */
  readonly port: number;
  readonly portName: string;
  readonly hosts: readonly ServerHost[];
  /** Absent = plain HTTP. */
  readonly tls?: ServerTls;
  readonly isRedirectedToHttps: boolean;
}

export interface ServerHost {
  /** Whose VirtualServices may use it; `*` = any namespace's. */
  readonly namespace: string;
  readonly host: string;
}

export interface ServerTls {
  readonly mode: 'SIMPLE' | 'MUTUAL';
  /** Secret in the namespace of the gateway's pods. */
  readonly credentialName: string;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** Of clients (MUTUAL); empty = any that the authority vouches for. */
  readonly subjectAltNames: readonly string[];
}

export const tlsVersions = ['TLSV1_2', 'TLSV1_3'] as const;
export type TlsVersion = (typeof tlsVersions)[number];
