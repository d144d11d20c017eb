/**
 * Runs `task` for 0..count-1 in batches of 1, 2, 4, …; the first failing batch is the last. So a quota or an admission
 * webhook that refuses everything is asked once, not 500 times.
 *
 * @returns how many succeeded, and the first failure
 */
export async function slowStart(count: number, task: (index: number) => Promise<void>): Promise<{ succeeded: number; error?: unknown }> {
  let done = 0;
  for (let size = 1; done < count; size *= 2) {
    const batch = Array.from({ length: Math.min(size, count - done) }, (_, i) => done + i);
    const results = await Promise.allSettled(batch.map(task));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      return { succeeded: done + results.filter((result) => result.status === 'fulfilled').length, error: failed.reason };
    }
    done += batch.length;
  }
  return { succeeded: done };
}
