/** One request and its answer: judged, routed, forwarded, answered, logged. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import { UpstreamConnection, type UpstreamUser } from '../cluster/upstream-connection.ts';
import type { CompiledRoute, RouteAction, RouteTarget } from '../route/route.ts';
import type { AcceptedRequest } from './accept-request.ts';
import { BodyReader } from './body.ts';
import type { DownstreamConnection } from './downstream.ts';
import { ExchangeLog } from './exchange-log.ts';
import { renderRequest } from './forwarding.ts';
import { Field } from './head.ts';
import type { Manager } from './manager.ts';
import * as replies from './replies.ts';
import type { LocalReply, RequestState } from './request-state.ts';
import { ResponseRelay } from './response.ts';
import { runFilters } from './run-filters.ts';

type Forward = Extract<RouteAction, { kind: 'forward' }>;

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

export class Exchange implements UpstreamUser {
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
  /** The endpoint that was asked last. */
  host: Host | undefined;
  /** Made here: the client sent none. */
  readonly requestId: string | undefined;

  constructor(down: DownstreamConnection, manager: Manager, { state, framing, upgrade }: AcceptedRequest) {
    this.down = down;
    this.manager = manager;
    this.state = state;
    this.startMs = manager.runtime.now();
    this.startedAt = manager.runtime.clock();
    this.body = new BodyReader(framing, framing.kind === 'chunked');
    const { head } = state;
    this.upgrade = upgrade;
    if (manager.generatesRequestId && !head.has(Field.requestId)) this.requestId = manager.runtime.uuid();
    this.response = new ResponseRelay(this);
    manager.counters.requests.value++;
    manager.counters.active.value++;
  }

  /** @returns how far the bytes behind the head were taken */
  start(bytes: Buffer, at: number, end: number): number {
    const verdict = runFilters(this.manager.filters, this.state);
    if (verdict === undefined) return this.#forward(bytes, at, end);
    if (verdict instanceof Promise) void verdict.then((settled) => this.#judged(settled));
    else this.response.local(verdict);
    return at;
  }

  #judged(verdict: LocalReply | undefined): void {
    if (this.isDone) return;
    if (verdict === undefined) this.#forward(empty, 0, 0);
    else this.response.local(verdict);
    this.down.continueReading();
  }

  #forward(bytes: Buffer, at: number, end: number): number {
    const { runtime } = this.manager;
    this.route = this.manager.routes.current?.find(this.state, runtime.random);
    const action = this.route?.action;
    if (action === undefined) this.response.local(replies.noRoute);
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
      if (expect !== undefined && expect.toLowerCase() !== '100-continue') this.response.local(replies.unknownExpectation);
      else {
        if (expect !== undefined && !this.body.isDone) this.down.outlet.write(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
        return this.#attempt(action, bytes, at, end);
      }
    }
    return at;
  }

  #attempt(action: Forward, bytes: Buffer, at: number, end: number): number {
    const cluster = this.target!.cluster.current;
    if (cluster === undefined) {
      this.response.local(replies.noCluster);
      return at;
    }
    const host = cluster.pick(this.target!.labels, this.state.connection);
    if (host === undefined) {
      this.response.local(replies.noHealthyUpstream);
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
    this.host = host;
    host.active++;
    host.requests++;
    cluster.counters.requests.value++;
    cluster.counters.active.value++;
  }

  #releaseHost(): void {
    if (this.host === undefined) return;
    this.host.active--;
    const cluster = this.target?.cluster.current;
    if (cluster !== undefined) cluster.counters.active.value--;
    this.host = undefined;
  }

  /** Head and what is there of the body, in one write. */
  #send(action: Forward, bytes: Buffer, at: number, end: number): number {
    const { body, state } = this;
    const taken = body.isLengthFramed ? body.take(end - at) : 0;
    const head = renderRequest({
      state,
      manager: this.manager,
      target: this.target!,
      path: action.rewritePath === undefined ? state.path : action.rewritePath(state.path),
      requestId: this.requestId,
      isChunked: !body.isDone && !body.isLengthFramed,
      upgrade: this.upgrade,
    });
    if (!this.upstream!.outlet.begin(head, bytes, at, at + taken, body.announced)) this.down.socket.pause();
    this.#takesBody = true;
    if (body.isDone) this.#requestSent();
    return at + taken;
  }

  #requestSent(): void {
    this.upstream?.outlet.flush();
    const action = this.route?.action;
    if (action?.kind === 'forward' && action.timeoutMs > 0 && this.upgrade === undefined)
      this.deadline = this.manager.runtime.clock() + action.timeoutMs;
  }

  /** @returns how far the bytes were taken; what is left waits until the exchange is over, or until somebody takes the body */
  onRequestBytes(bytes: Buffer, at: number, end: number): number {
    const { body, upstream } = this;
    if (this.isTunnel) {
      if (upstream?.outlet.content(bytes, at, end, 0) === false) this.down.socket.pause();
      return end;
    }
    if (!this.#takesBody || body.isDone) return at;
    if (body.isLengthFramed) {
      const next = at + body.take(end - at);
      if (upstream?.outlet.content(bytes, at, next, body.announced) === false) this.down.socket.pause();
      if (body.isDone) this.#requestSent();
      return next;
    }
    const { out, next } = body.read(bytes, at, end);
    if (body.error !== undefined) {
      this.upstream?.destroy();
      this.upstream = undefined;
      this.manager.counters.malformed.value++;
      this.response.refuse(body.error);
      return end;
    }
    if (out.length > 0 && upstream?.outlet.write(out) === false) this.down.socket.pause();
    if (body.isDone) this.#requestSent();
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
    if (this.host !== undefined) this.host.failures++;
    this.upstream = undefined;
    if (action.retriesOnConnectFailure && this.#attempts <= action.retries) {
      if (cluster !== undefined) cluster.counters.retries.value++;
      this.#attempt(action, empty, 0, 0);
      return;
    }
    this.upstreamFailure = reason;
    this.response.local(replies.cannotConnect(reason, isTls));
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
    if (reused && isReplayable && this.#attempts === 1 && !this.response.isHeard) {
      this.#attempt(action, empty, 0, 0);
      return;
    }
    this.response.local(replies.upstreamEnded);
    this.down.continueReading();
  }

  sweep(now: number): void {
    if (this.deadline === 0 || now < this.deadline || this.isTunnel) return;
    const cluster = this.target?.cluster.current;
    if (cluster !== undefined) cluster.counters.timeouts.value++;
    this.upstream?.destroy();
    this.upstream = undefined;
    if (this.response.hasStarted) this.abort('UT');
    else this.response.local(replies.timeout);
  }

  /** The client stopped in the middle of its request. */
  stalled(): void {
    if (this.response.hasStarted) this.abort('SI');
    else this.response.local(replies.stalled);
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
    upstream?.release(isReusable);
    const { counters } = manager;
    counters.active.value--;
    const answered = counters.answered[Math.floor(this.status / 100) - 1];
    if (answered !== undefined) answered.value++;
    this.endedAt = manager.runtime.clock();
    const log = new ExchangeLog(this);
    for (const write of manager.loggers) write(log);
    this.#releaseHost();
  }
}

const empty = Buffer.alloc(0);
