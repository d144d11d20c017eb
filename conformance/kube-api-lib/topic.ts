/** One request or one kubectl call, and what is remembered of its answer. */
export interface Check {
  /** Unique inside the topic. */
  readonly name: string;
  /** `METHOD path`; `$name` stands for what an earlier check saved, and for the paths named in `run.ts`. */
  readonly send?: string;
  /** Objects are sent as JSON, texts as they are. */
  readonly body?: unknown;
  /** Content-Type; default JSON where there is a body. */
  readonly type?: string;
  readonly accept?: string;
  /** Arguments of kubectl; words in single quotes may hold spaces. It works in the topic's namespace. */
  readonly kubectl?: string;
  readonly stdin?: string;
  /** Waits first: the real server's authorizer and admission see what was stored a moment later. */
  readonly afterMs?: number;
  /** User (and groups) to impersonate. */
  readonly as?: string;
  readonly groups?: readonly string[];
  /** Sent as a bearer token instead of the administrator's certificate. */
  readonly token?: string;
  /** Variables and where in the answer they stand, as `metadata.uid`. */
  readonly save?: Readonly<Record<string, string>>;
  /** Only these parts of the answer are compared, as `metadata.labels`; default the whole body. */
  readonly only?: readonly string[];
  /** The real server goes through a Go map: causes are compared in any order. */
  readonly inAnyOrder?: true;
}

/** Checks that build on each other, in a namespace of their own that has the service account `default`. */
export interface Topic {
  readonly name: string;
  readonly checks: readonly Check[];
}

/** What came back, free of what differs from run to run. */
export interface Answer {
  readonly code: number;
  readonly type?: string;
  readonly warnings?: readonly string[];
  readonly body?: unknown;
  readonly out?: string;
  readonly err?: string;
}
