/** What secures a workload, from today's kinds and the old ones. */
import { selects } from '../authz/select.ts';
import { resolveSecurity, type SecurityResources, type WorkloadSecurity } from '../legacy/security.ts';
import { describeService } from '../telemetry/metadata.ts';
import { backedPorts } from './backed-ports.ts';
import { type Memo, withoutMemo } from './memo.ts';
import type { MeshSnapshot, Workload } from './model.ts';

/** What secures a workload, and which old resources have no effect on it. */
export function securityOf(snapshot: MeshSnapshot, workload: Workload, memo: Memo = withoutMemo): WorkloadSecurity {
  const { rootNamespace, trustDomains, profile } = snapshot.settings;
  const ports = backedPorts(snapshot.services, workload).map(({ service, port, targetPort }) => ({
    service: service.name,
    hostname: service.hostname,
    port: port.port,
    portName: port.name,
    targetPort,
  }));
  const resources = visibleTo(snapshot, workload);
  const { authentication, rbac } = resources.legacy;
  return memo(
    `security ${workload.namespace} ${JSON.stringify([workload.labels, workload.serviceAccount, ports])}`,
    [
      snapshot.settings,
      ...divided(resources.authorizationPolicies, resources.peerAuthentications, resources.requestAuthentications, authentication),
      ...divided(rbac.configs, rbac.roles, rbac.bindings),
    ],
    () => resolveSecurity(resources, { ...workload, ports }, { rootNamespace, trustDomain: trustDomains.local, profile }),
  );
}

/** The lists one after the other, with their lengths between them. */
export function divided(...lists: readonly (readonly unknown[])[]): unknown[] {
  return lists.flatMap((list) => [list.length, ...list]);
}

/** Only what can concern it: nothing else can be read by mistake, or be a reason to compile again. */
function visibleTo({ settings, ...all }: MeshSnapshot, { namespace, labels }: Workload): SecurityResources {
  const isNear = (one: { readonly namespace?: string }) =>
    one.namespace === undefined || one.namespace === namespace || one.namespace === settings.rootNamespace;
  const concerns = (one: { readonly namespace: string; readonly selector?: Readonly<Record<string, string>> }) =>
    isNear(one) && selects(one.selector, labels);
  const { authentication, rbac } = all.legacy;
  return {
    authorizationPolicies: all.authorizationPolicies.filter(concerns),
    peerAuthentications: all.peerAuthentications.filter(concerns),
    requestAuthentications: all.requestAuthentications.filter(concerns),
    legacy: {
      authentication: authentication.filter(isNear),
      rbac: { configs: rbac.configs, roles: rbac.roles.filter(isNear), bindings: rbac.bindings.filter(isNear) },
    },
  };
}

/** Service ports in front of a workload, as text: endpoints come and go without changing it. */
export function backingOf(snapshot: MeshSnapshot, workload: Workload): string {
  return JSON.stringify(
    backedPorts(snapshot.services, workload).map(({ service, port, targetPort }) => [describeService(service), port, targetPort]),
  );
}

/** Answers of the key source to what these tokens ask, which change without any resource doing so. */
export function keysOf({ tokens }: WorkloadSecurity, { findJwks }: MeshSnapshot): (string | undefined)[] {
  return [tokens.general, ...tokens.ports.values()].flatMap(({ rules }) => rules.map(({ jwksUri }) => jwksUri && findJwks(jwksUri)));
}
