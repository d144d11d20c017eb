/** One request and its answer: judged, routed, forwarded, answered, logged. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { LogSubject } from '../log/operators.ts';
import { place } from '../net/address.ts';
import type { CompiledRoute, RouteAction, RouteTarget } from '../route/route.ts';
import type { AcceptedRequest } from './accept-request.ts';
import { BodyReader } from './body.ts';
import type { DownstreamConnection } from './downstream.ts';
import { renderRequest } from './forwarding.ts';
import { Field, type Head } from './head.ts';
import type { Manager } from './manager.ts';
import type { LocalReply, RequestState } from './request-state.ts';
import { ResponseRelay } from './response.ts';
import { UpstreamConnection, type UpstreamUser } from './upstream-connection.ts';

type Forward = Extract<RouteAction, { kind: 'forward' }>;

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);
const latin1 = 'latin1';

export class Exchange implements UpstreamUser, LogSubject {
  readonly down: DownstreamConnection;
  readonly manager: Manager;
  readonly state: RequestState;
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
  upstream: UpstreamConnection | undefined;
  response: ResponseRelay;
  isDone = false;
  /** Monotonic; 0 = none. */
  deadline = 0;
  isTunnel = false;
  /** The request's body may be read: somebody is there to take it. */
  #takesBody = false;
  #attempts = 0;
  #host: Host | undefined;
  #requestId: string | undefined;

  constructor(down: DownstreamConnection, manager: Manager, { state, framing, upgrade }: AcceptedRequest) {
    this.down = down;
    this.manager = manager;
    this.state = state;
    this.startMs = manager.runtime.now();
    this.startedAt = manager.runtime.clock();
    this.body = new BodyReader(framing, framing.kind === 'chunked');
    const { head } = state;
    this.upgrade = upgrade;
    if (manager.generatesRequestId && !head.has(Field.requestId)) this.#requestId = manager.runtime.uuid();
    this.response = new ResponseRelay(this);
    manager.counters.requests.value++;
    manager.counters.active.value++;
  }

  /** @returns how far the bytes behind the head were taken */
  start(bytes: Buffer, at: number, end: number): number {
    const { filters } = this.manager;
    for (let i = 0; i < filters.length; i++) {
      const verdict = filters[i]!(this.state);
      if (verdict instanceof Promise) {
        void this.#continueFilters(verdict, i + 1);
        return at;
      }
      if (verdict !== undefined) {
        this.response.local(verdict);
        return at;
      }
    }
    return this.#forward(bytes, at, end);
  }

  /** A filter that fails denies. */
  async #continueFilters(pending: Promise<LocalReply | undefined>, next: number): Promise<void> {
    try {
      let verdict = await pending;
      for (let i = next; verdict === undefined && i < this.manager.filters.length; i++)
        verdict = await this.manager.filters[i]!(this.state);
      if (this.isDone) return;
      if (verdict !== undefined) this.response.local(verdict);
      else this.#forward(empty, 0, 0);
    } catch {
      if (!this.isDone) this.response.local({ status: 500, body: '', details: 'filter_failed' });
    }
    this.down.continueReading();
  }

  #forward(bytes: Buffer, at: number, end: number): number {
    const { runtime } = this.manager;
    this.route = this.manager.routes.current?.find(this.state, runtime.random);
    const action = this.route?.action;
    if (action === undefined) this.response.local({ status: 404, body: '', flags: 'NR', details: 'route_not_found' });
    else if (action.kind === 'answer') this.response.local({ status: action.status, body: action.body, details: 'direct_response' });
    else if (action.kind === 'redirect')
      this.response.local({
        status: action.status,
        body: '',
        headers: [`location: ${action.location(this.state)}`],
        details: 'direct_response',
      });
    else {
      this.target = action.pickTarget(runtime.random);
      const expect = this.state.head.first(Field.expect);
      if (expect !== undefined && expect.toLowerCase() !== '100-continue')
        this.response.local({ status: 417, body: '', details: 'expectation_failed' });
      else {
        if (expect !== undefined && !this.body.isDone) this.down.write(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
        return this.#attempt(action, bytes, at, end);
      }
    }
    return at;
  }

  #attempt(action: Forward, bytes: Buffer, at: number, end: number): number {
    const cluster = this.target!.cluster.current;
    if (cluster === undefined) {
      this.response.local({ status: 503, body: '', flags: 'NC', details: 'cluster_not_found' });
      return at;
    }
    const host = cluster.pick(this.target!.labels, this.state.connection);
    if (host === undefined) {
      this.response.local({ status: 503, body: 'no healthy upstream', flags: 'UH', details: 'no_healthy_upstream' });
      return at;
    }
    this.#attempts++;
    this.#setHost(host, cluster);
    // A second attempt never takes a connection that may be as stale as the first one's.
    const reused = this.#attempts === 1 ? host.takeIdle() : undefined;
    this.upstream = reused ?? new UpstreamConnection(cluster, host);
    this.upstream.user = this;
    if (reused === undefined) return at;
    return this.#send(action, bytes, at, end);
  }

  #setHost(host: Host, cluster: Cluster): void {
    this.#releaseHost();
    this.#host = host;
    host.active++;
    host.requests++;
    cluster.counters.requests.value++;
    cluster.counters.active.value++;
  }

  #releaseHost(): void {
    if (this.#host === undefined) return;
    this.#host.active--;
    const cluster = this.target?.cluster.current;
    if (cluster !== undefined) cluster.counters.active.value--;
    this.#host = undefined;
  }

  /** Head and what is there of the body, in one write. */
  #send(action: Forward, bytes: Buffer, at: number, end: number): number {
    const { body, state } = this;
    const taken = body.isLengthFramed ? body.take(end - at) : 0;
    const { out, at: bodyAt } = renderRequest({
      state,
      manager: this.manager,
      target: this.target!,
      path: action.rewritePath === undefined ? state.path : action.rewritePath(state.path),
      requestId: this.#requestId,
      isChunked: !body.isDone && !body.isLengthFramed,
      upgrade: this.upgrade,
      bodySpace: taken,
    });
    if (taken > 0) bytes.copy(out, bodyAt, at, at + taken);
    this.#write(out.subarray(0, bodyAt + taken));
    this.#takesBody = true;
    if (body.isDone) this.#requestSent();
    return at + taken;
  }

  #requestSent(): void {
    const action = this.route?.action;
    if (action?.kind === 'forward' && action.timeoutMs > 0 && this.upgrade === undefined)
      this.deadline = this.manager.runtime.clock() + action.timeoutMs;
  }

  #write(bytes: Buffer): void {
    if (this.upstream?.socket.write(bytes) === false) this.down.socket.pause();
  }

  /** @returns how far the bytes were taken; what is left waits until the exchange is over, or until somebody takes the body */
  onRequestBytes(bytes: Buffer, at: number, end: number): number {
    if (this.isTunnel) {
      this.#write(Buffer.from(bytes.subarray(at, end)));
      return end;
    }
    if (!this.#takesBody || this.body.isDone) return at;
    const { out, next } = this.body.read(bytes, at, end);
    if (this.body.error !== undefined) {
      this.upstream?.destroy();
      this.upstream = undefined;
      this.manager.counters.malformed.value++;
      this.response.refuse(this.body.error);
      return end;
    }
    if (out.length > 0) this.#write(out);
    if (this.body.isDone) this.#requestSent();
    return next;
  }

  onUpstreamReady(): void {
    const action = this.route?.action;
    if (this.isDone || action?.kind !== 'forward') return;
    this.#send(action, empty, 0, 0);
    this.down.continueReading();
  }

  onUpstreamFailed(reason: string, isTls: boolean): void {
    if (this.isDone) return;
    const action = this.route?.action as Forward;
    const cluster = this.target?.cluster.current;
    if (cluster !== undefined) cluster.counters.connectFailures.value++;
    if (this.#host !== undefined) this.#host.failures++;
    this.upstream = undefined;
    if (action.retriesOnConnectFailure && this.#attempts <= action.retries) {
      if (cluster !== undefined) cluster.counters.retries.value++;
      this.#attempt(action, empty, 0, 0);
      return;
    }
    this.upstreamFailure = reason;
    const why = isTls && /certificate|ssl|tls|handshake/i.test(reason) ? `, transport failure reason: TLS_error: ${reason}` : '';
    this.response.local({
      status: 503,
      body: `upstream connect error or disconnect/reset before headers. reset reason: connection failure${why}`,
      flags: 'UF',
      details: 'upstream_reset_before_response_started{connection_failure}',
    });
    this.down.continueReading();
  }

  onUpstreamBytes(bytes: Buffer, length: number): void {
    this.response.onBytes(bytes, length);
  }

  onUpstreamDrain(): void {
    this.down.socket.resume();
  }

  onUpstreamEnd(): void {
    if (this.isDone) return;
    if (this.response.hasStarted) {
      this.response.onEnd();
      return;
    }
    const isReplayable =
      idempotent.has(this.state.method) && this.body.isDone && this.body.contentBytes === 0 && this.upgrade === undefined;
    const reused = this.upstream !== undefined && this.upstream.uses > 0;
    this.upstream?.destroy();
    this.upstream = undefined;
    const action = this.route?.action as Forward;
    // The peer closed an idle connection just as it was taken: one more try, with a new connection.
    if (reused && isReplayable && this.#attempts === 1) {
      this.#attempt(action, empty, 0, 0);
      return;
    }
    this.response.local({
      status: 503,
      body: 'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
      flags: 'UC',
      details: 'upstream_reset_before_response_started{connection_termination}',
    });
    this.down.continueReading();
  }

  sweep(now: number): void {
    if (this.deadline === 0 || now < this.deadline || this.isTunnel) return;
    const cluster = this.target?.cluster.current;
    if (cluster !== undefined) cluster.counters.timeouts.value++;
    this.upstream?.destroy();
    this.upstream = undefined;
    if (this.response.hasStarted) this.abort('UT');
    else this.response.local({ status: 504, body: 'upstream request timeout', flags: 'UT', details: 'response_timeout' });
  }

  /** The client stopped in the middle of its request. */
  stalled(): void {
    if (this.response.hasStarted) this.abort('SI');
    else this.response.local({ status: 408, body: 'stream timeout', flags: 'SI', details: 'stream_idle_timeout' });
  }

  /** The client is gone, or the answer cannot be finished. */
  abort(flags: string): void {
    if (this.isDone) return;
    this.flags = flags;
    this.upstream?.destroy();
    this.upstream = undefined;
    this.finish(false);
    this.down.socket.destroy();
  }

  /** @param isReusable the upstream connection may carry another request */
  finish(isReusable: boolean): void {
    if (this.isDone) return;
    this.isDone = true;
    const { upstream, manager } = this;
    if (upstream !== undefined) {
      upstream.user = undefined;
      upstream.uses++;
      if (isReusable && !upstream.host.isGone && upstream.isUsable) {
        upstream.idleSinceMs = manager.runtime.clock();
        upstream.host.idle.push(upstream);
      } else upstream.destroy();
    }
    const { counters } = manager;
    counters.active.value--;
    const hundreds = this.status < 300 ? counters.c2 : this.status < 400 ? counters.c3 : this.status < 500 ? counters.c4 : counters.c5;
    hundreds.value++;
    this.endedAt = manager.runtime.clock();
    for (const log of manager.loggers) log(this);
    this.#releaseHost();
  }

  get connection() {
    return this.state.connection;
  }
  get remoteText() {
    const { source, sourcePort } = this.connection;
    return place(this.state.remote.text, this.state.remote === source ? sourcePort : 0);
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
  get host() {
    return this.#host;
  }
  get cluster() {
    return this.target?.cluster.current;
  }
  get termination() {
    return undefined;
  }
  get transportFailure() {
    return undefined;
  }
  get upstreamLocal() {
    const socket = this.upstream?.socket;
    return socket?.localAddress === undefined ? undefined : place(socket.localAddress, socket.localPort ?? 0);
  }
  get clusterName() {
    return this.target?.cluster.name;
  }
  get routeName() {
    return this.route?.name;
  }
  get metadata() {
    return this.state.metadata;
  }
  requestHeader(lower: string): string | undefined {
    if (lower === 'x-request-id' && this.#requestId !== undefined) return this.#requestId;
    const values = this.state.values(lower);
    return values.length < 2 ? values[0] : values.join(',');
  }
  responseHeader(lower: string): string | undefined {
    if (lower === 'x-envoy-upstream-service-time') return this.response.serviceTime;
    const head: Head | undefined = this.response.head;
    return head?.values(Buffer.from(lower, latin1))[0];
  }
}

const empty = Buffer.alloc(0);
