/** The recipes' policies, and what their prose says these do. Expectations are ours, each a sentence of a recipe as a question. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import { type PodFact, readManifests } from '@palisade/netpol';

const pod = (namespace: string, name: string, labels: Record<string, string>, ip: string): PodFact => ({
  namespace,
  name,
  labels,
  ips: [ip],
  ports: [],
});

export const namespaces = [
  { name: 'default', labels: {} },
  { name: 'prod', labels: { purpose: 'production', team: 'operations' } },
  { name: 'dev', labels: { purpose: 'testing' } },
];
export const pods: readonly PodFact[] = [
  pod('default', 'web', { app: 'web' }, '10.0.0.1'),
  pod('default', 'any', { run: 'test' }, '10.0.0.2'),
  pod('prod', 'any', { run: 'test' }, '10.0.1.1'),
  pod('prod', 'monitor', { type: 'monitoring' }, '10.0.1.2'),
  pod('dev', 'any', { run: 'test' }, '10.0.2.1'),
  pod('dev', 'monitor', { type: 'monitoring' }, '10.0.2.2'),
  pod('default', 'api', { app: 'bookstore', role: 'api' }, '10.0.0.3'),
  pod('default', 'front', { app: 'bookstore', role: 'frontend' }, '10.0.0.4'),
  pod('default', 'search', { app: 'bookstore', role: 'search' }, '10.0.0.5'),
  pod('default', 'bookdb', { app: 'bookstore', role: 'db' }, '10.0.0.6'),
  pod('default', 'inventory', { app: 'inventory', role: 'web' }, '10.0.0.7'),
  pod('default', 'inventory-other', { app: 'inventory', role: 'other' }, '10.0.0.8'),
  pod('default', 'apiserver', { app: 'apiserver' }, '10.0.0.9'),
  pod('default', 'monitoring', { app: 'm', role: 'monitoring' }, '10.0.0.10'),
  pod('default', 'foo', { app: 'foo' }, '10.0.0.11'),
];
const world = '203.0.113.7';
export const dns = '10.96.0.10';

/** `from to port[/protocol]`; "yes" passes, "no" does not. */
export interface Recipe {
  readonly file: string;
  /** Which of the file's policies, when it holds several versions of one. */
  readonly block?: number;
  /** Recipes whose policies are applied before it, as the text asks. */
  readonly after?: readonly string[];
  readonly yes: readonly string[];
  readonly no: readonly string[];
}

const denyAll = '01-deny-all-traffic-to-an-application.md';
export const recipes: readonly Recipe[] = [
  {
    file: denyAll,
    yes: ['default/web default/any 80'],
    no: ['default/any default/web 80', 'prod/any default/web 80', `${world} default/web 80`],
  },
  {
    file: '02-limit-traffic-to-an-application.md',
    yes: ['default/front default/api 80'],
    no: ['default/any default/api 80', 'default/web default/api 80'],
  },
  {
    file: '02a-allow-all-traffic-to-an-application.md',
    after: [denyAll],
    yes: ['default/any default/web 80', 'prod/any default/web 80'],
    no: [],
  },
  {
    file: '03-deny-all-non-whitelisted-traffic-in-the-namespace.md',
    yes: ['default/any prod/any 80'],
    no: ['default/any default/web 80', 'prod/any default/api 80'],
  },
  {
    file: '04-deny-traffic-from-other-namespaces.md',
    yes: ['default/any default/web 80'],
    no: ['prod/any default/web 80', `${world} default/web 80`],
  },
  {
    file: '05-allow-traffic-from-all-namespaces.md',
    yes: ['prod/any default/web 80', 'dev/any default/web 80'],
    no: [`${world} default/web 80`],
  },
  {
    file: '06-allow-traffic-from-a-namespace.md',
    yes: ['prod/any default/web 80'],
    no: ['dev/any default/web 80', 'default/any default/web 80'],
  },
  {
    file: '07-allow-traffic-from-some-pods-in-another-namespace.md',
    yes: ['prod/monitor default/web 80'],
    no: ['prod/any default/web 80', 'dev/monitor default/web 80', 'default/any default/web 80'],
  },
  { file: '08-allow-external-traffic.md', after: [denyAll], yes: [`${world} default/web 80`, 'dev/any default/web 80'], no: [] },
  {
    file: '09-allow-traffic-only-to-a-port.md',
    yes: ['default/monitoring default/apiserver 5000'],
    no: ['default/monitoring default/apiserver 8000', 'default/any default/apiserver 5000'],
  },
  {
    file: '10-allowing-traffic-with-multiple-selectors.md',
    yes: ['default/search default/bookdb 6379', 'default/api default/bookdb 6379', 'default/inventory default/bookdb 6379'],
    no: ['default/inventory-other default/bookdb 6379', 'default/front default/bookdb 6379'],
  },
  {
    file: '11-deny-egress-traffic-from-an-application.md',
    yes: [],
    no: ['default/foo default/web 80', `default/foo ${world} 80`, `default/foo ${dns} 53/UDP`],
  },
  {
    file: '11-deny-egress-traffic-from-an-application.md',
    block: 1,
    yes: [`default/foo ${dns} 53/UDP`, `default/foo ${dns} 53/TCP`],
    no: ['default/foo default/web 80', `default/foo ${world} 80`, `default/foo ${world} 53/UDP`],
  },
  {
    file: '12-deny-all-non-whitelisted-traffic-from-the-namespace.md',
    yes: ['prod/any default/web 80'],
    no: ['default/any default/web 80', `default/any ${world} 80`],
  },
  // The text means other pods too, its manifest lets DNS through and nothing else.
  { file: '14-deny-external-egress-traffic.md', yes: [`default/foo ${dns} 53/UDP`], no: [`default/foo ${world} 80`] },
];

function policiesIn(file: string): KubernetesObject[] {
  const blocks = [...readFileSync(file, 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text!);
  return blocks.filter((text) => /^kind: NetworkPolicy$/m.test(text)).flatMap((text) => readManifests([{ name: file, text }]).objects);
}

/** The policies in force when a recipe has been followed. */
export function policiesOf(folder: string, { file, block = 0, after = [] }: Recipe): KubernetesObject[] {
  const earlier = after.flatMap((other) => policiesIn(join(folder, other)).slice(0, 1));
  return [...earlier, ...policiesIn(join(folder, file)).slice(block, block + 1)];
}

export const nameOf = ({ file, block = 0 }: Recipe): string => (block === 0 ? file : `${file} #${block + 1}`);

/** `from to port[/protocol]` taken apart. */
export function readQuestion(question: string): { from: string; to: string; protocol: string; port: number } {
  const [from = '', to = '', at = ''] = question.split(' ');
  const [port, protocol = 'TCP'] = at.split('/');
  return { from, to, protocol, port: Number(port) };
}
