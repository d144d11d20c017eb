import { Agent, createServer, type Server } from 'node:http';
import type { Engine } from '../../engine/engine.ts';
import type { AuditLog } from '../audit/log.ts';
import type { BodyWorker } from '../body-worker.ts';
import { waf, wafUpgrade } from '../node.ts';
import { forward, forwardUpgrade, isWebSocket } from './forward.ts';
import type { ProxySettings } from './settings.ts';

export interface ProxyOptions {
  readonly settings: ProxySettings;
  /** The engine in force, read once a request. */
  readonly engine: () => Engine;
  readonly audit: AuditLog;
  readonly bodyWorker?: BodyWorker;
  /** Receives the lines of the debug log. */
  readonly debug?: (line: string) => void;
  readonly now: () => number;
  readonly newId: () => string;
}

/** The reverse proxy, not yet listening. */
export function createProxy({ settings, ...options }: ProxyOptions): Server {
  const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  const rules = () => options.engine().ruleSet.settings;
  const middleware = waf(options);
  const upgrade = wafUpgrade(options, (request, socket, head) => forwardUpgrade(request, socket, head, settings));
  // Any other upgrade is a request as if it had not been asked for (RFC 9110 §7.8); Node before 24.9 makes it an upgrade anyway.
  const limits = { requestTimeout: 0, headersTimeout: 40_000, keepAliveTimeout: 5000, shouldUpgradeCallback: isWebSocket };
  const server = createServer(limits, (request, response) => {
    middleware(request, response, () => forward(request, response, settings, rules(), agent));
  });
  server.timeout = settings.timeoutMs;
  server.on('upgrade', upgrade);
  server.on('close', () => agent.destroy());
  return server;
}
