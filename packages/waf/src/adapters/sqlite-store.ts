import type { DatabaseSync } from 'node:sqlite';
import type { CollectionStore, StoredValue } from '../engine/transaction/collections.ts';
import { reportOnce } from './report-once.ts';

/** Saves between two sweeps for what has expired. */
const SWEEP_EVERY = 1000;

/**
 * Persistent collections in a file, shared by all processes that open it and kept over restarts. What cannot be written (a
 * full disk) is told once and the request goes on without being counted. Node 22.13 or newer.
 */
export class SqliteStore implements CollectionStore {
  readonly #database: DatabaseSync;
  readonly #load;
  readonly #save;
  readonly #sweep;
  readonly #trim;
  readonly #maxEntries: number;
  readonly #onError: (error: Error) => void;
  #saves = 0;

  /**
   * @param path a file, made when it is not there; `:memory:` for none
   * @param maxEntries beyond it the collections that end first are dropped
   */
  constructor(path: string, maxEntries = 100_000) {
    this.#maxEntries = maxEntries;
    this.#onError = reportOnce(`Collections cannot be kept in ${path}`);
    const sqlite = process.getBuiltinModule('node:sqlite');
    if (!sqlite) throw new Error(`Cannot open ${path}: Node.js ${process.version} has no node:sqlite, wanted 22.13 or newer`);
    this.#database = new sqlite.DatabaseSync(path);
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = OFF;
      PRAGMA busy_timeout = 1000;
      CREATE TABLE IF NOT EXISTS collections
        (name TEXT NOT NULL, key BLOB NOT NULL, members TEXT NOT NULL, expires_ms INTEGER NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS collections_by_end ON collections (expires_ms);
    `);
    this.#load = this.#database.prepare('SELECT members FROM collections WHERE name = ? AND key = ? AND expires_ms > ?');
    this.#save = this.#database.prepare('INSERT OR REPLACE INTO collections (name, key, members, expires_ms) VALUES (?, ?, ?, ?)');
    this.#sweep = this.#database.prepare('DELETE FROM collections WHERE expires_ms <= ?');
    this.#trim = this.#database.prepare(
      'DELETE FROM collections WHERE (name, key) IN (SELECT name, key FROM collections ORDER BY expires_ms DESC LIMIT -1 OFFSET ?)',
    );
  }

  load(collection: string, key: string, nowMs: number): readonly StoredValue[] {
    const row = this.#load.get(collection, Buffer.from(key, 'latin1'), nowMs);
    if (!row) return [];
    const members: [string, string, number | null][] = JSON.parse(String(row['members']));
    return members
      .map(([name, value, expiresMs]) => ({ key: name, value, expiresMs: expiresMs ?? undefined }))
      .filter(({ expiresMs }) => expiresMs === undefined || expiresMs > nowMs);
  }

  save(collection: string, key: string, values: readonly StoredValue[], nowMs: number, timeoutSeconds: number): void {
    const members = JSON.stringify(values.map((member) => [member.key, member.value, member.expiresMs ?? null]));
    try {
      this.#save.run(collection, Buffer.from(key, 'latin1'), members, nowMs + timeoutSeconds * 1000);
      if (this.#saves++ % SWEEP_EVERY !== SWEEP_EVERY - 1) return;
      this.#sweep.run(nowMs);
      this.#trim.run(this.#maxEntries);
    } catch (error) {
      this.#onError(error as Error);
    }
  }

  close(): void {
    this.#database.close();
  }
}
