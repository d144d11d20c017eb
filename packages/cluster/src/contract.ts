/**
 * The seams inside the embedded cluster. The supervisor wires one API server, the controllers, and for each virtual node a
 * network and a kubelet; each side knows only these interfaces. All of it runs in one process (docs/architecture.md).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { FlowRecord } from '@palisade/flow';
import type { KubernetesObject } from '@palisade/kubernetes';

/** Who is asking, as established by authentication (authentication.k8s.io/v1 UserInfo). */
export interface UserInfo {
  username: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** With `inline` interception the one container that runs in the proxy's namespace. */
export const PROXY_CONTAINER = 'istio-proxy';

/** A pod's place in the network, made before its first container starts. */
export interface PodSandbox {
  readonly podUid: string;
  /** Name under /run/netns inside the supervisor's mount namespace; `nsenter --net=/run/netns/NAME` works there. */
  readonly netns: string;
  /** `inline` interception: where the mesh's proxy runs, between the pod and the node; `netns` is the application's then. */
  readonly proxyNetns?: string;
  /** IPv4 first, then IPv6. */
  readonly podIPs: readonly [string, string];
}

export interface NodeIdentity {
  readonly name: string;
  /** Node's own addresses, IPv4 first. */
  readonly addresses: readonly [string, string];
  readonly podCIDRs: readonly [string, string];
}

/** Implemented by node/network: one per virtual node. */
export interface NodeNetwork {
  readonly node: NodeIdentity;
  /** netns of the node itself (hostNetwork pods run here). */
  readonly netns: string;
  /** Idempotent by pod uid. The pod is isolated (all traffic dropped and logged) until its policies are in place. */
  addPod(pod: KubernetesObject): Promise<PodSandbox>;
  removePod(podUid: string): Promise<void>;
  /** Opens a TCP connection from inside the node's namespace (probes, port-forward, API proxy). Rejects on refusal or `timeoutMs`. */
  connect(host: string, port: number, timeoutMs?: number): Promise<Duplex>;
  /** Same, from inside the pod's own namespace (kubectl port-forward reaches 127.0.0.1 there). */
  connectInPod(podUid: string, host: string, port: number, timeoutMs?: number): Promise<Duplex>;
}

export interface ExecOptions {
  container: string;
  command: readonly string[];
  tty: boolean;
  stdin: boolean;
}

export interface ExecSession {
  /** null unless `stdin` was asked for. */
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  /** null with a tty. */
  readonly stderr: Readable | null;
  resize(columns: number, rows: number): void;
  /** Ends the process if the client goes away. */
  kill(): void;
  /** Resolves when the process ended and its output is drained; rejects when it could not be started. */
  readonly exit: Promise<{ exitCode: number }>;
}

export interface LogOptions {
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  sinceTime?: string;
  limitBytes?: number;
}

/** Implemented by node/kubelet: what the API server asks of a node for one pod. Errors are StatusError. */
export interface Kubelet {
  logs(namespace: string, pod: string, options: LogOptions, signal: AbortSignal): Promise<Readable>;
  exec(namespace: string, pod: string, options: ExecOptions): Promise<ExecSession>;
  attach(namespace: string, pod: string, options: Omit<ExecOptions, 'command'>): Promise<ExecSession>;
  portForward(namespace: string, pod: string, port: number): Promise<Duplex>;
}

/** The API server finds the kubelet of a node by name; undefined when that node is gone. */
export type KubeletLookup = (nodeName: string) => Kubelet | undefined;

/** An API group served by somebody else (what an APIService object does in a real cluster). */
export type AggregatedHandler = (req: IncomingMessage, res: ServerResponse, user: UserInfo) => void | Promise<void>;

/** Where node parts hand their flow records. Must not block; drops are counted by the receiver. */
export type FlowSink = (record: FlowRecord) => void;

/** What a certificate request asks to be. */
export interface RequestedSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

/** Signs certificates for keys of others (certificates.k8s.io). */
export interface RequestSigner {
  /** @throws Error when the PEM is no request signed by its own key */
  read(requestPem: string): Promise<RequestedSubject>;
  /** At most a year; @returns the certificate as PEM */
  sign(requestPem: string, usages: readonly string[], seconds?: number): Promise<string>;
}
