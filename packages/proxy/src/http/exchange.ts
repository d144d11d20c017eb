/** One request and its answer: judged, routed, forwarded, answered, logged. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import { UpstreamConnection, type UpstreamUser } from '../cluster/upstream-connection.ts';
import type { RouteAction } from '../route/route.ts';
import type { AcceptedRequest } from './accept-request.ts';
import type { Client } from './client.ts';
import { ExchangeRecord } from './exchange-record.ts';
import { renderRequest } from './forwarding.ts';
import { Field } from './head.ts';
import type { Manager } from './manager.ts';
import * as replies from './replies.ts';
import type { LocalReply } from './request-state.ts';
import { ResponseRelay } from './response.ts';
import { runFilters } from './run-filters.ts';

type Forward = Extract<RouteAction, { kind: 'forward' }>;

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

export class Exchange implements UpstreamUser {
  readonly record: ExchangeRecord;
  readonly #client: Client;
  readonly #response: ResponseRelay;
  /** Monotonic; 0 = none. */
  #deadline = 0;
  /** The request's body may be read: somebody is there to take it. */
  #takesBody = false;
  #attempts = 0;
  /** Whose endpoint was asked last: configuration may take its name away before the answer. */
  #cluster: Cluster | undefined;

  constructor(client: Client, manager: Manager, accepted: AcceptedRequest) {
    this.#client = client;
    this.record = new ExchangeRecord(manager, accepted);
    this.#response = new ResponseRelay(this.record, client, this);
    manager.counters.requests.value++;
    manager.counters.active.value++;
  }

  /** @returns how far the bytes behind the head were taken */
  start(bytes: Buffer, at: number, end: number): number {
    const verdict = runFilters(this.record.manager.filters, this.record.state);
    if (verdict === undefined) return this.#forward(bytes, at, end);
    if (verdict instanceof Promise) void verdict.then((settled) => this.#judged(settled));
    else this.#response.local(verdict);
    return at;
  }

  #judged(verdict: LocalReply | undefined): void {
    if (this.record.isDone) return;
    if (verdict === undefined) this.#forward(empty, 0, 0);
    else this.#response.local(verdict);
    this.#client.continueReading();
  }

  #forward(bytes: Buffer, at: number, end: number): number {
    const { record } = this;
    const { runtime, routes } = record.manager;
    record.route = routes.current?.find(record.state, runtime.random);
    const action = record.route?.action;
    if (action === undefined) this.#response.local(replies.noRoute);
    else if (action.kind === 'answer') this.#response.local({ status: action.status, body: action.body, details: 'direct_response' });
    else if (action.kind === 'redirect')
      this.#response.local({
        status: action.status,
        body: '',
        headers: [`location: ${action.location(record.state)}`],
        details: 'direct_response',
      });
    else {
      record.target = action.pickTarget(runtime.random);
      const expect = record.state.head.first(Field.expect);
      if (expect !== undefined && expect.toLowerCase() !== '100-continue') this.#response.local(replies.unknownExpectation);
      else {
        if (expect !== undefined && !record.body.isDone) this.#client.outlet.write(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
        return this.#attempt(action, bytes, at, end);
      }
    }
    return at;
  }

  #attempt(action: Forward, bytes: Buffer, at: number, end: number): number {
    const cluster = this.record.target!.cluster.current;
    if (cluster === undefined) {
      this.#response.local(replies.noCluster);
      return at;
    }
    const host = cluster.pick(this.record.target!.labels, this.record.state.connection);
    if (host === undefined) {
      this.#response.local(replies.noHealthyUpstream);
      return at;
    }
    this.#attempts++;
    this.#setHost(host, cluster);
    // A second attempt never takes a connection that may be as stale as the first one's.
    const reused = this.#attempts === 1 ? host.takeIdle() : undefined;
    this.record.upstream = reused ?? new UpstreamConnection(cluster, host);
    this.record.upstream.user = this;
    if (reused === undefined) return at;
    return this.#send(action, bytes, at, end);
  }

  #setHost(host: Host, cluster: Cluster): void {
    this.#releaseHost();
    this.record.host = host;
    this.#cluster = cluster;
    host.active++;
    host.requests++;
    cluster.counters.requests.value++;
    cluster.counters.active.value++;
  }

  #releaseHost(): void {
    if (this.record.host === undefined) return;
    this.record.host.active--;
    this.#cluster!.counters.active.value--;
    this.record.host = undefined;
  }

  /** Head and what is there of the body, in one write. */
  #send(action: Forward, bytes: Buffer, at: number, end: number): number {
    const { record } = this;
    const { body, state } = record;
    const upstream = record.upstream!;
    const taken = body.isLengthFramed ? body.take(end - at) : 0;
    const head = renderRequest({
      state,
      manager: record.manager,
      target: record.target!,
      path: action.rewritePath === undefined ? state.path : action.rewritePath(state.path),
      requestId: record.requestId,
      isChunked: !body.isDone && !body.isLengthFramed,
      upgrade: record.upgrade,
    });
    if (!upstream.outlet.begin(head, bytes, at, at + taken, body.announced)) this.#client.socket.pause();
    this.#takesBody = true;
    if (body.isDone) this.#requestSent();
    return at + taken;
  }

  #requestSent(): void {
    this.record.upstream?.outlet.flush();
    const action = this.record.route?.action;
    if (action?.kind === 'forward' && action.timeoutMs > 0 && this.record.upgrade === undefined)
      this.#deadline = this.record.manager.runtime.clock() + action.timeoutMs;
  }

  /** @returns how far the bytes were taken; what is left waits until the exchange is over, or until somebody takes the body */
  onRequestBytes(bytes: Buffer, at: number, end: number): number {
    const { body, upstream } = this.record;
    if (this.record.isTunnel) {
      if (upstream?.outlet.content(bytes, at, end, 0) === false) this.#client.socket.pause();
      return end;
    }
    if (!this.#takesBody || body.isDone) return at;
    if (body.isLengthFramed) {
      const next = at + body.take(end - at);
      if (upstream?.outlet.content(bytes, at, next, body.announced) === false) this.#client.socket.pause();
      if (body.isDone) this.#requestSent();
      return next;
    }
    const { out, next } = body.read(bytes, at, end);
    if (body.error !== undefined) {
      this.record.dropUpstream();
      this.record.manager.counters.malformed.value++;
      this.#response.refuse(body.error);
      return end;
    }
    if (out.length > 0 && upstream?.outlet.write(out) === false) this.#client.socket.pause();
    if (body.isDone) this.#requestSent();
    return next;
  }

  onUpstreamReady(): void {
    const action = this.record.route?.action;
    if (this.record.isDone || action?.kind !== 'forward') return;
    this.#send(action, empty, 0, 0);
    this.#client.continueReading();
  }

  onUpstreamFailed(reason: string, isTls: boolean): void {
    if (this.record.isDone) return;
    const action = this.record.route?.action as Forward;
    const { counters } = this.#cluster!;
    counters.connectFailures.value++;
    this.record.host!.failures++;
    this.record.upstream = undefined;
    if (action.retriesOnConnectFailure && this.#attempts <= action.retries) {
      counters.retries.value++;
      this.#attempt(action, empty, 0, 0);
      return;
    }
    this.record.upstreamFailure = reason;
    this.#response.local(replies.cannotConnect(reason, isTls));
    this.#client.continueReading();
  }

  onUpstreamBytes(bytes: Buffer, length: number): void {
    this.#response.onBytes(bytes, length);
  }

  onUpstreamDrain(): void {
    this.#client.socket.resume();
  }

  onUpstreamEnd(): void {
    if (this.record.isDone) return;
    if (this.#response.hasStarted) {
      this.#response.onEnd();
      return;
    }
    const { state, body, upgrade, upstream } = this.record;
    const isReplayable = idempotent.has(state.method) && body.isDone && body.contentBytes === 0 && upgrade === undefined;
    const reused = upstream !== undefined && upstream.uses > 0;
    this.record.dropUpstream();
    const action = this.record.route?.action as Forward;
    // The peer closed an idle connection just as it was taken: one more try, with a new connection.
    if (reused && isReplayable && this.#attempts === 1 && !this.#response.isHeard) {
      this.#attempt(action, empty, 0, 0);
      return;
    }
    this.#response.local(replies.upstreamEnded);
    this.#client.continueReading();
  }

  sweep(now: number): void {
    if (this.#deadline === 0 || now < this.#deadline || this.record.isTunnel) return;
    this.#cluster!.counters.timeouts.value++;
    this.record.dropUpstream();
    if (this.#response.hasStarted) this.abort('UT');
    else this.#response.local(replies.timeout);
  }

  /** The client stopped in the middle of its request. */
  stalled(): void {
    if (this.#response.hasStarted) this.abort('SI');
    else this.#response.local(replies.stalled);
  }

  /** The client is gone, or the answer cannot be finished. */
  abort(flags: string): void {
    if (this.record.isDone) return;
    this.record.flags = flags;
    this.record.dropUpstream();
    this.finish(false);
    this.#client.socket.destroy();
  }

  /** @param isReusable the upstream connection may carry another request */
  finish(isReusable: boolean): void {
    if (this.record.isDone) return;
    this.record.isDone = true;
    const { upstream, manager } = this.record;
    upstream?.release(isReusable);
    const { counters } = manager;
    counters.active.value--;
    const answered = counters.answered[Math.floor(this.record.status / 100) - 1];
    if (answered !== undefined) answered.value++;
    this.record.endedAt = manager.runtime.clock();
    for (const write of manager.loggers) write(this.record);
    this.#releaseHost();
  }
}

const empty = Buffer.alloc(0);
