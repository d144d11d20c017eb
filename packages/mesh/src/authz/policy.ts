/** AuthorizationPolicy as the compiler reads it (security.istio.io/v1), checked. */

export const AuthzAction = { allow: 'ALLOW', deny: 'DENY', audit: 'AUDIT', custom: 'CUSTOM' } as const;
export type AuthzAction = (typeof AuthzAction)[keyof typeof AuthzAction];

export interface AuthorizationPolicy {
  readonly namespace: string;
  readonly name: string;
  /** The kind it was translated from, for explanations; absent = it is one. */
  readonly writtenAs?: 'ServiceRole' | 'RbacConfig';
  readonly action: AuthzAction;
  /** Of a CUSTOM policy: a name of MeshConfig `extensionProviders`. */
  readonly provider?: string;
  /** Recorded, never enforced (annotation `istio.io/dry-run`). */
  readonly isDryRun: boolean;
  /** Absent = every workload of its namespace, of the mesh in the root namespace. */
  readonly selector?: Readonly<Record<string, string>>;
  /** None = matches nothing. A null rule keeps its number and is skipped. */
  readonly rules: readonly (Rule | null)[];
}

export interface Rule {
  /** Any of them; none = anybody. */
  readonly from: readonly Source[];
  /** Any of them; none = anything. */
  readonly to: readonly Operation[];
  /** All of them. */
  readonly when: readonly Condition[];
}

/** Fields and their negations; a field without values says nothing. */
export type Source = Readonly<Record<SourceField, Values>>;
export type Operation = Readonly<Record<OperationField, Values>>;

export interface Values {
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

export interface Condition extends Values {
  readonly key: string;
}

export const sourceFields = [
  'principals',
  'requestPrincipals',
  'serviceAccounts',
  'trustDomains',
  'namespaces',
  'remoteIpBlocks',
  'ipBlocks',
] as const;
export type SourceField = (typeof sourceFields)[number];

export const operationFields = ['hosts', 'methods', 'paths', 'ports'] as const;
export type OperationField = (typeof operationFields)[number];

/** `notPrincipals` of `principals`. */
export function negated(field: SourceField | OperationField): string {
  return `not${field[0]!.toUpperCase()}${field.slice(1)}`;
}
