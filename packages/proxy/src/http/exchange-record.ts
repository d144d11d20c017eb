/** What is known of one exchange so far: the request's side and the answer's write it, policies and logs read it. */
import type { Host } from '../cluster/host.ts';
import type { UpstreamConnection } from '../cluster/upstream-connection.ts';
import type { LogSubject } from '../log/subject.ts';
import { place } from '../net/address.ts';
import type { CompiledRoute, RouteTarget } from '../route/route.ts';
import type { AcceptedRequest } from './accept-request.ts';
import { BodyReader } from './body.ts';
import { Field, type Head } from './head.ts';
import type { Manager } from './manager.ts';
import { nameBytes, type RequestState } from './request-state.ts';

export class ExchangeRecord implements LogSubject {
  readonly manager: Manager;
  readonly state: RequestState;
  /** The request's. */
  readonly body: BodyReader;
  readonly upgrade: string | undefined;
  readonly startMs: number;
  readonly startedAt: number;
  endedAt = 0;
  status = 0;
  details = '';
  flags = '';
  bytesSent = 0;
  upstreamFailure: string | undefined;
  route: CompiledRoute | undefined;
  target: RouteTarget | undefined;
  /** The endpoint that was asked last. */
  host: Host | undefined;
  upstream: UpstreamConnection | undefined;
  /** Made here: the client sent none. */
  readonly requestId: string | undefined;
  /** The upstream's. */
  answer: Head | undefined;
  serviceTime: string | undefined;
  isDone = false;
  /** Both sides are plain streams now. */
  isTunnel = false;
  readonly termination = undefined;
  readonly transportFailure = undefined;

  constructor(manager: Manager, { state, framing, upgrade }: AcceptedRequest) {
    const { runtime } = manager;
    this.manager = manager;
    this.state = state;
    this.startMs = runtime.now();
    this.startedAt = runtime.clock();
    this.body = new BodyReader(framing, framing.kind === 'chunked');
    this.upgrade = upgrade;
    if (manager.generatesRequestId && !state.head.has(Field.requestId)) this.requestId = runtime.uuid();
  }

  /** Nothing more is asked of the upstream, and nothing of its answer is wanted. */
  dropUpstream(): void {
    this.upstream?.destroy();
    this.upstream = undefined;
  }

  get connection() {
    return this.state.connection;
  }
  get remoteText() {
    const { remote, connection } = this.state;
    return place(remote.text, remote === connection.source ? connection.sourcePort : 0);
  }
  get method() {
    return this.state.method;
  }
  get path() {
    return this.state.path;
  }
  get authority() {
    return this.state.authority;
  }
  get protocol() {
    return this.state.head.minor === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
  }
  get bytesReceived() {
    return this.body.contentBytes;
  }
  get cluster() {
    return this.target?.cluster.current;
  }
  get clusterName() {
    return this.target?.cluster.name;
  }
  get routeName() {
    return this.route?.name;
  }
  get upstreamLocal() {
    return this.upstream?.localText;
  }
  get metadata() {
    return this.state.metadata;
  }

  requestHeader(lower: string): string | undefined {
    if (lower === 'x-request-id' && this.requestId !== undefined) return this.requestId;
    return this.state.joined(lower);
  }

  responseHeader(lower: string): string | undefined {
    if (lower === 'x-envoy-upstream-service-time') return this.serviceTime;
    return this.answer?.values(nameBytes(lower))[0];
  }
}
