/** A control plane that went without a word (its node died) would leave the proxy waiting on a dead connection for ever. */

export interface Pingable {
  readonly destroyed: boolean;
  ping(callback: (error: Error | null) => void): boolean;
  destroy(error?: Error): void;
  once(event: 'close', listener: () => void): unknown;
}

/** Istio's gRPC keep-alive. */
const everyMs = 30_000;
const answerMs = 10_000;

/** Asks again and again; without an answer in time the connection ends, and what runs over it comes back by itself. */
export function keepAlive(session: Pingable): void {
  let deadline: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    if (session.destroyed) return;
    deadline = setTimeout(() => session.destroy(new Error(`no answer to a ping in ${answerMs} ms`)), answerMs);
    deadline.unref();
    session.ping(() => clearTimeout(deadline));
  }, everyMs);
  timer.unref();
  session.once('close', () => {
    clearInterval(timer);
    clearTimeout(deadline);
  });
}
