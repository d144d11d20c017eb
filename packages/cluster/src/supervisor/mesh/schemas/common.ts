/** What several of Istio's kinds share. */
import { anything, list, map, message, port, text, textMap, texts } from './words.ts';

export const selector = message(
  'Workloads this applies to. Left out: every workload of the namespace, in the root namespace of the mesh.',
  {
    matchLabels: textMap('Labels a pod must have, all of them.'),
  },
);

/** networking.istio.io names the same thing otherwise. */
export const workloadSelector = message('Workloads this applies to. Left out: every workload of the namespace.', {
  labels: textMap('Labels a pod must have, all of them.'),
});

export const targetRef = message(
  'A resource this applies to, instead of workloads by label.',
  {
    group: text('API group of the resource; empty is the core group.'),
    kind: text('Kind of the resource, such as Gateway or Service.'),
    name: text('Name of the resource.'),
    namespace: text('Namespace of the resource; only this object’s own.'),
  },
  'kind',
  'name',
);
export const targetRefs = list('Resources this applies to, instead of workloads by label; at most 16.', targetRef);

export const exportTo = texts('Namespaces that see this: "." is its own, "*" all. Left out: all.');

export const portSelector = message('The port, by number.', { number: port('Number of the port.') });

export const stringMatch = message('A text, compared in one way.', {
  exact: text('Equal to this.'),
  prefix: text('Begins with this.'),
  regex: text('Matches this RE2 expression as a whole.'),
});
export const stringMatches = (description: string) => map(description, stringMatch);

export const destination = message(
  'A service that traffic is sent to.',
  {
    host: text('Name of the service; short names are completed with this object’s namespace.'),
    subset: text('A subset that a DestinationRule of the host defines.'),
    port: portSelector,
  },
  'host',
);

export const status = anything('What the control plane says of this object.');
