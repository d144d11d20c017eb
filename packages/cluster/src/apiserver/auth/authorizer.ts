import type { UserInfo } from '../../contract.ts';

/** What is asked: one verb on a resource or on a path that is none. */
export interface Attributes {
  readonly user: UserInfo;
  readonly verb: string;
  /** Absent for non-resource paths. */
  readonly resource?: {
    readonly group: string;
    readonly version: string;
    readonly resource: string;
    readonly subresource: string;
    /** Empty: cluster scope. */
    readonly namespace: string;
    /** Empty: no single object. */
    readonly name: string;
  };
  readonly path: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Which rule allowed; empty for a denial, as nothing allowed. */
  readonly reason: string;
}

export interface Authorizer {
  authorize(attributes: Attributes): Decision;
}

/** Members of this group may do everything: it is how the first administrator gets in. */
export const MASTERS = 'system:masters';

export function withMasters(next: Authorizer): Authorizer {
  return {
    authorize: (attributes) =>
      attributes.user.groups.includes(MASTERS) ? { allowed: true, reason: `group ${MASTERS}` } : next.authorize(attributes),
  };
}
