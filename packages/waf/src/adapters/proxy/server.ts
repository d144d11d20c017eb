import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Engine } from '../../engine/engine.ts';
import type { TransactionResult } from '../../engine/transaction/transaction.ts';
import { type AuditFacts, isRelevant, renderAuditJson, renderAuditNative } from '../audit-log.ts';
import { connectionOf, headOf, waf, wafUpgrade } from '../node.ts';
import { forward, forwardUpgrade } from './forward.ts';
import type { ProxySettings } from './settings.ts';

export interface ProxyOptions {
  readonly settings: ProxySettings;
  /** The engine in force, read once a request. */
  readonly engine: () => Engine;
  /** Receives each audit log entry with its line end. */
  readonly writeAudit: (entry: string) => void;
  readonly now: () => number;
  readonly newId: () => string;
}

/** The reverse proxy, not yet listening. */
export function createProxy({ settings, engine, writeAudit, now, newId }: ProxyOptions): Server {
  const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  const responses = new WeakMap<IncomingMessage, ServerResponse>();
  const facts = new WeakMap<IncomingMessage, Pick<AuditFacts, 'connection' | 'timeMs'>>();
  const onResult = (result: TransactionResult, request: IncomingMessage): void => {
    const response = responses.get(request);
    const status = result.interruption?.status ?? response?.statusCode ?? 101;
    if (settings.auditEngine === 'Off' || (settings.auditEngine === 'RelevantOnly' && !isRelevant(result, status))) return;
    const head = headOf(request);
    const entry: AuditFacts = {
      timeMs: now(),
      connection: connectionOf(request),
      ...facts.get(request),
      requestLine: `${head.method} ${head.uri} ${head.protocol}`,
      requestHeaders: head.headers,
      responseProtocol: 'HTTP/1.1',
      status,
      responseHeaders: Object.entries(response?.getHeaders() ?? {}).map(([name, value]) => [name, String(value)]),
      components: engine().ruleSet.settings.componentSignatures,
      isDetectionOnly: settings.isDetectionOnly,
    };
    writeAudit(settings.auditFormat === 'JSON' ? `${renderAuditJson(result, entry)}\n` : renderAuditNative(result, entry));
  };
  const options = { engine, onResult, now, newId };
  const middleware = waf(options);
  const upgrade = wafUpgrade(options, (request, socket, head) => forwardUpgrade(request, socket, head, settings));
  const server = createServer({ requestTimeout: 0, headersTimeout: 40_000, keepAliveTimeout: 5000 }, (request, response) => {
    responses.set(request, response);
    facts.set(request, { timeMs: now(), connection: connectionOf(request) });
    middleware(request, response, () => forward(request, response, settings, agent));
  });
  server.timeout = settings.timeoutMs;
  server.on('upgrade', upgrade);
  server.on('close', () => agent.destroy());
  return server;
}
