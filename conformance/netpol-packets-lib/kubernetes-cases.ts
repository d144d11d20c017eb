/**
 * What Kubernetes' own end-to-end tests of network policies ask for (test/e2e/network/netpol, [Feature:NetworkPolicy]), as cases of
 * ours: nine pods x/a … z/c, labelled pod=a … c in namespaces labelled ns=x … z, listening on TCP and UDP 80 and 81.
 */
import type { KubernetesObject } from '@palisade/kubernetes';
import type { ClusterSnapshot } from '@palisade/netpol';
import { type PacketCase, pairsOf, type Question } from './case.ts';

const pod = (...names: string[]) =>
  names.length === 1 ? { matchLabels: { pod: names[0]! } } : { matchExpressions: [{ key: 'pod', operator: 'In', values: names }] };
const ns = (...names: string[]) =>
  names.length === 1 ? { matchLabels: { ns: names[0]! } } : { matchExpressions: [{ key: 'ns', operator: 'In', values: names }] };
const everything = {};

const policy = (name: string, namespace: string, podSelector: object, rest: object): KubernetesObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { namespace, name },
  spec: { podSelector, ...rest },
});
const ingress = (...rules: object[]) => ({ policyTypes: ['Ingress'], ingress: rules });
const egress = (...rules: object[]) => ({ policyTypes: ['Egress'], egress: rules });
/** Into x/a. */
const toA = (name: string, ...rules: object[]) => policy(name, 'x', pod('a'), ingress(...rules));

/** What stands for a pod's address in a CIDR. */
export type AddressOf = (pod: string) => string;

interface Story {
  readonly name: string;
  policies(addressOf: AddressOf): readonly KubernetesObject[];
  isAllowed(question: Question): boolean;
}

const namespaceOf = (name: string) => name.split('/')[0]!;
const intoA = (isAllowed: (question: Question) => boolean) => (question: Question) => question.to !== 'x/a' || isAllowed(question);
const outOfA = (isAllowed: (question: Question) => boolean) => (question: Question) => question.from !== 'x/a' || isAllowed(question);
const isTcp = (port: number) => (question: Question) => question.protocol === 'TCP' && question.port === port;

const stories: readonly Story[] = [
  {
    name: 'default deny of ingress in a namespace',
    policies: () => [policy('deny-ingress', 'x', everything, ingress())],
    isAllowed: ({ to }) => namespaceOf(to) !== 'x',
  },
  {
    name: 'default deny of both directions',
    policies: () => [policy('deny-all', 'x', everything, { policyTypes: ['Ingress', 'Egress'] })],
    isAllowed: ({ from, to }) => namespaceOf(to) !== 'x' && namespaceOf(from) !== 'x',
  },
  {
    name: 'pods of the same namespace by label',
    policies: () => [toA('by-pod', { from: [{ podSelector: pod('b') }] })],
    isAllowed: intoA(({ from }) => from === 'x/b'),
  },
  {
    name: 'another namespace by label',
    policies: () => [toA('by-ns', { from: [{ namespaceSelector: ns('y') }] })],
    isAllowed: intoA(({ from }) => namespaceOf(from) === 'y'),
  },
  {
    name: 'pods by an expression',
    policies: () => [toA('by-pods', { from: [{ podSelector: pod('b', 'c') }] })],
    isAllowed: intoA(({ from }) => ['x/b', 'x/c'].includes(from)),
  },
  {
    name: 'namespaces by an expression',
    policies: () => [toA('by-nss', { from: [{ namespaceSelector: ns('y', 'z') }] })],
    isAllowed: intoA(({ from }) => namespaceOf(from) !== 'x'),
  },
  {
    name: 'pods or namespaces',
    policies: () => [toA('or', { from: [{ podSelector: pod('b') }, { namespaceSelector: ns('y') }] })],
    isAllowed: intoA(({ from }) => from === 'x/b' || namespaceOf(from) === 'y'),
  },
  {
    name: 'pods and namespaces',
    policies: () => [toA('and', { from: [{ podSelector: pod('b'), namespaceSelector: ns('y') }] })],
    isAllowed: intoA(({ from }) => from === 'y/b'),
  },
  {
    name: 'several selectors of both kinds',
    policies: () => [toA('many', { from: [{ podSelector: pod('b', 'c'), namespaceSelector: ns('y', 'z') }] })],
    isAllowed: intoA(({ from }) => namespaceOf(from) !== 'x' && !from.endsWith('/a')),
  },
  {
    name: 'any pod of the own namespace',
    policies: () => [toA('any', { from: [{ podSelector: everything }] })],
    isAllowed: intoA(({ from }) => namespaceOf(from) === 'x'),
  },
  {
    name: 'one port',
    policies: () => [toA('port', { ports: [{ protocol: 'TCP', port: 81 }] })],
    isAllowed: intoA(isTcp(81)),
  },
  {
    name: 'policies that overlap add up',
    policies: () => [
      policy('one', 'x', pod('a'), ingress({ from: [{ namespaceSelector: ns('y') }], ports: [{ protocol: 'TCP', port: 80 }] })),
      policy('two', 'x', pod('a', 'b'), ingress({ ports: [{ protocol: 'TCP', port: 81 }] })),
    ],
    isAllowed: (question) => {
      if (!['x/a', 'x/b'].includes(question.to)) return true;
      return isTcp(81)(question) || (question.to === 'x/a' && isTcp(80)(question) && namespaceOf(question.from) === 'y');
    },
  },
  {
    name: 'allow all beside deny all',
    policies: () => [policy('deny', 'x', everything, ingress()), policy('allow', 'x', everything, ingress({}))],
    isAllowed: () => true,
  },
  {
    name: 'a port by its name',
    policies: () => [toA('named', { ports: [{ protocol: 'TCP', port: 'serve-80-tcp' }] })],
    isAllowed: intoA(isTcp(80)),
  },
  {
    name: 'a namespace on a port by its name',
    policies: () => [toA('named-ns', { from: [{ namespaceSelector: ns('y') }], ports: [{ protocol: 'TCP', port: 'serve-81-tcp' }] })],
    isAllowed: intoA((question) => isTcp(81)(question) && namespaceOf(question.from) === 'y'),
  },
  {
    name: 'egress on a port by its name',
    policies: () => [policy('out-named', 'x', pod('a'), egress({ ports: [{ protocol: 'TCP', port: 'serve-80-tcp' }] }))],
    isAllowed: outOfA(isTcp(80)),
  },
  {
    name: 'egress shut for pods by label',
    policies: () => [policy('out-none', 'x', pod('a'), egress())],
    isAllowed: outOfA(() => false),
  },
  {
    name: 'egress to pods and namespaces',
    policies: () => [policy('out', 'x', pod('a'), egress({ to: [{ podSelector: pod('b'), namespaceSelector: ns('y') }] }))],
    isAllowed: outOfA(({ to }) => to === 'y/b'),
  },
  {
    name: 'ingress and egress must both agree',
    policies: () => [
      policy('out', 'x', pod('a'), egress({ to: [{ namespaceSelector: ns('y') }] })),
      policy('in', 'y', pod('a'), ingress({ from: [{ namespaceSelector: ns('z') }] })),
    ],
    isAllowed: ({ from, to }) => (from !== 'x/a' || namespaceOf(to) === 'y') && (to !== 'y/a' || namespaceOf(from) === 'z'),
  },
  {
    name: 'egress to an address',
    policies: (addressOf) => [policy('cidr', 'x', pod('a'), egress({ to: [{ ipBlock: { cidr: `${addressOf('y/b')}/32` } }] }))],
    isAllowed: outOfA(({ to }) => to === 'y/b'),
  },
  {
    name: 'an exception from a range of addresses',
    policies: (addressOf) => [
      policy('except', 'x', pod('a'), egress({ to: [{ ipBlock: { cidr: '10.244.0.0/16', except: [`${addressOf('y/b')}/32`] } }] })),
    ],
    isAllowed: outOfA(({ to }) => to !== 'y/b'),
  },
  {
    name: 'what one policy excepts another may allow',
    policies: (addressOf) => [
      policy('except', 'x', pod('a'), egress({ to: [{ ipBlock: { cidr: '10.244.0.0/16', except: [`${addressOf('y/b')}/32`] } }] })),
      policy('allow', 'x', pod('a'), egress({ to: [{ ipBlock: { cidr: `${addressOf('y/b')}/32` } }] })),
    ],
    isAllowed: () => true,
  },
  {
    name: 'a range of ports',
    policies: () => [toA('range', { ports: [{ protocol: 'TCP', port: 81, endPort: 90 }] })],
    isAllowed: intoA(isTcp(81)),
  },
  {
    name: 'UDP by its own rule',
    policies: () => [toA('udp', { ports: [{ protocol: 'UDP', port: 80 }] })],
    isAllowed: intoA(({ protocol, port }) => protocol === 'UDP' && port === 80),
  },
  {
    name: 'a rule for SCTP is none for TCP',
    policies: () => [toA('sctp', { ports: [{ protocol: 'SCTP', port: 80 }] })],
    isAllowed: intoA(({ protocol, port }) => protocol === 'SCTP' && port === 80),
  },
  { name: 'when policies have gone all is open again', policies: () => [], isAllowed: () => true },
];

const transports = ['TCP', 'UDP', 'SCTP'].flatMap((protocol) => [80, 81].map((port) => ({ protocol, port })));

export function kubernetesCases(pods: ClusterSnapshot['pods'], addressOf: AddressOf): PacketCase[] {
  const pairs = pairsOf(pods.map(({ namespace, name }) => `${namespace}/${name}`));
  return stories.map((story) => ({
    name: `kubernetes: ${story.name}`,
    policies: () => story.policies(addressOf),
    expectations: () =>
      pairs.flatMap((pair) =>
        transports.map((transport) => ({ ...pair, ...transport, allowed: story.isAllowed({ ...pair, ...transport }) })),
      ),
  }));
}
