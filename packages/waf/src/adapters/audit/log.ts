import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Settings } from '../../engine/compile/settings.ts';
import type { Engine } from '../../engine/engine.ts';
import type { TransactionResult } from '../../engine/transaction/transaction.ts';
import { reportOnce } from '../report-once.ts';
import type { AuditEntry } from './entry.ts';
import { auditEntry } from './entry.ts';
import { renderAuditJson } from './json.ts';
import { renderAuditNative } from './native.ts';

const complaint = 'The audit log cannot be written';

/** Receives what every transaction came to. */
export interface AuditLog {
  write(result: TransactionResult): void;
  /** Everything is on disk when it resolves. */
  close(): Promise<void>;
}

/** Writes latin1 text to the end of a place. */
export interface AuditPlace {
  append(path: string, text: string, mode: number | undefined): void;
  close(): Promise<void>;
}

/** One entry in the format that SecAuditLogFormat names, with its line end. */
export function renderAudit(entry: AuditEntry, format: Settings['auditLogFormat']): string {
  return format === 'JSON' ? `${renderAuditJson(entry)}\n` : renderAuditNative(entry);
}

/**
 * The audit log that a rule set's settings describe: serial, all entries in SecAuditLog, or concurrent, a file an entry
 * below SecAuditLogStorageDir with an index in SecAuditLog. SecAuditLog2 gets the same. Nothing is written when neither is
 * set. An entry that cannot be written is told to `onError`, and the request goes on.
 */
export function openAuditLog(
  engine: Engine | (() => Engine),
  { place = new Files(), onError = reportOnce(complaint) }: { readonly place?: AuditPlace; readonly onError?: (error: Error) => void } = {},
): AuditLog {
  const settingsInForce = () => (typeof engine === 'function' ? engine() : engine).ruleSet.settings;
  return {
    write(result) {
      const entry = auditEntry(result);
      if (!entry) return;
      const settings = settingsInForce();
      try {
        const text = renderAudit(entry, settings.auditLogFormat);
        const line = settings.auditLogType === 'Concurrent' ? store(entry, text, settings) : text;
        for (const path of [settings.auditLog, settings.auditLog2])
          if (path !== undefined) place.append(path, line, settings.auditLogFileMode);
      } catch (error) {
        onError(error as Error);
      }
    },
    close: () => place.close(),
  };
}

/** Write a concurrent entry and give its line in the index (Reference Manual, "Concurrent Audit Log Format"). */
function store(entry: AuditEntry, text: string, { auditLogStorageDir, auditLogDirMode, auditLogFileMode }: Settings): string {
  if (auditLogStorageDir === undefined) throw new Error('SecAuditLogType Concurrent has no SecAuditLogStorageDir');
  const stamp = new Date(entry.timeMs).toISOString().replace(/[-:]/g, '').slice(0, 15).replace('T', '-');
  const name = `/${stamp.slice(0, 8)}/${stamp.slice(0, 13)}/${stamp}-${entry.id.replace(/[^\w@-]/g, '')}`;
  const path = join(auditLogStorageDir, name);
  const bytes = Buffer.from(text, 'latin1');
  mkdirSync(dirname(path), { recursive: true, ...(auditLogDirMode === undefined ? {} : { mode: auditLogDirMode }) });
  // Never over another entry.
  writeFileSync(path, bytes, { flag: 'wx', ...(auditLogFileMode === undefined ? {} : { mode: auditLogFileMode }) });
  const quoted = (value: string) =>
    `"${value.replace(/[\x00-\x1f\x7f-\xff"\\]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
  const header = (wanted: string) => entry.requestHeaders.find(([key]) => key.toLowerCase() === wanted)?.[1] ?? '-';
  const digest = createHash('md5').update(bytes).digest('hex');
  const length = entry.responseHeaders.find(([key]) => key.toLowerCase() === 'content-length')?.[1] ?? '-';
  const { clientAddress } = entry.connection;
  return `${header('host').replace(/[^\w.:[\]-]/g, '')} ${clientAddress} - - [${new Date(entry.timeMs).toISOString()}] ${quoted(entry.requestLine)} ${entry.status} ${length} ${quoted(header('referer'))} ${quoted(header('user-agent'))} ${entry.id} "-" ${name} 0 ${bytes.length} md5:${digest}\n`;
}

/** Files that are open from their first entry on. */
class Files implements AuditPlace {
  readonly #streams = new Map<string, Writable>();

  append(path: string, text: string, mode: number | undefined): void {
    let stream = this.#streams.get(path);
    if (!stream) {
      stream = path === '/dev/stdout' ? process.stdout : createWriteStream(path, { flags: 'a', ...(mode === undefined ? {} : { mode }) });
      stream.on('error', reportOnce(complaint));
      this.#streams.set(path, stream);
    }
    stream.write(Buffer.from(text, 'latin1'));
  }

  async close(): Promise<void> {
    const files = [...this.#streams.values()].filter((stream) => stream !== process.stdout);
    await Promise.all(files.map((stream) => new Promise<void>((done) => stream.end(done))));
  }
}
