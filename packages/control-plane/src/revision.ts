/** Revisions: several control planes in one cluster, each with the namespaces, pods and resources of its own. This one is Istio's `default`. */
export const revisionName = 'istio.io/rev';
export const revision = 'default';

type Labels = Readonly<Record<string, string>>;

/** A resource without the label is everybody's. */
export function isOfRevision(labels: Labels = {}): boolean {
  return (labels[revisionName] ?? revision) === revision;
}

/** Whether a namespace asks this control plane for proxies; `istio-injection`, where it stands, counts alone. */
export function isMeshNamespace(labels: Labels): boolean {
  const wish = labels['istio-injection'];
  return wish === undefined ? labels[revisionName] === revision : wish === 'enabled';
}
