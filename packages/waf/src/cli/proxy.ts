import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openAuditLog } from '../adapters/audit/log.ts';
import { BodyWorker } from '../adapters/body-worker.ts';
import { debugLog } from '../adapters/debug-log.ts';
import { coreRuleSet, loadEngine } from '../adapters/files.ts';
import { createProxy } from '../adapters/proxy/server.ts';
import { readProxySettings } from '../adapters/proxy/settings.ts';

export interface ProxyArguments {
  readonly rules: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly host: string | undefined;
  /** A file that gets the audit log besides the place that MODSEC_AUDIT_LOG names; alone when none is named. */
  readonly auditFile: string | undefined;
}

/** Run until SIGTERM or SIGINT. SIGHUP loads the rules anew; when they are refused, those in force stay. */
export async function runProxy({ rules, env, host, auditFile }: ProxyArguments): Promise<number> {
  const settings = readProxySettings(env);
  const before = `${settings.directives}\n${auditFile === undefined ? '' : auditDirective(auditFile, env['MODSEC_AUDIT_LOG'])}`;
  const source = coreRuleSet(rules, { before });
  const store = await openStore(env['MODSEC_DATA_DIR']);
  const load = () => loadEngine(source, store ? { store } : {});
  let engine = load();
  const inForce = () => engine;
  const audit = openAuditLog(inForce);
  const bodyWorker = new BodyWorker(source);
  const server = createProxy({ settings, engine: inForce, audit, bodyWorker, debug: debugLog(inForce), now: Date.now, newId: randomUUID });
  const ended = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  process.on('SIGHUP', () => {
    try {
      engine = load();
      bodyWorker.reload();
      console.error(`${engine.ruleSet.rules.length} rules loaded anew`);
    } catch (error) {
      console.error(`The rules in force stay: ${(error as Error).message}`);
    }
  });
  server.listen(settings.port, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  console.error(`${engine.ruleSet.rules.length} rules; listening on port ${port}, passing on to ${settings.backend.href}`);
  await ended;
  server.close();
  server.closeIdleConnections();
  const isClosed = once(server, 'close');
  // Open event streams never end by themselves.
  const timer = setTimeout(() => server.closeAllConnections(), 5000);
  await isClosed;
  clearTimeout(timer);
  bodyWorker.close();
  await audit.close();
  store?.close();
  return 0;
}

/** The file that the command line names stands beside the one that the variable names, or instead of the default. */
function auditDirective(file: string, named: string | undefined): string {
  if (!/^[\w./ -]+$/.test(file)) throw new Error(`Cannot use --audit-log "${file}": wanted a path of letters, digits, ./-_ and spaces`);
  return `${named ? 'SecAuditLog2' : 'SecAuditLog'} "${file}"`;
}

/** Collections outlive the process when they have a folder (SecDataDir). */
async function openStore(folder: string | undefined) {
  if (!folder) return undefined;
  const { SqliteStore } = await import('../adapters/sqlite-store.ts');
  return new SqliteStore(join(folder, 'collections.sqlite'));
}
