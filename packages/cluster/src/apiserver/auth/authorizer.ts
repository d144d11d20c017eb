import type { FieldRequirement } from '@palisade/kubernetes';
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
    /** What the field selector of a list or watch demands. */
    readonly fields?: readonly FieldRequirement[];
  };
  readonly path: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Which rule allowed, or what a denial lacks; empty when there is nothing to say. */
  readonly reason: string;
}

export interface Authorizer {
  authorize(attributes: Attributes): Decision;
}

/** Members of this group may do everything: it is how the first administrator gets in. */
export const MASTERS = 'system:masters';

export function withMasters(next: Authorizer): Authorizer {
  return {
    authorize: (attributes) => (attributes.user.groups.includes(MASTERS) ? { allowed: true, reason: '' } : next.authorize(attributes)),
  };
}

/** The first that allows; a denial has the reasons of all. */
export function anyOf(authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize(attributes) {
      const reasons: string[] = [];
      for (const authorizer of authorizers) {
        const decision = authorizer.authorize(attributes);
        if (decision.allowed) return decision;
        if (decision.reason !== '') reasons.push(decision.reason);
      }
      return { allowed: false, reason: reasons.join('\n') };
    },
  };
}
