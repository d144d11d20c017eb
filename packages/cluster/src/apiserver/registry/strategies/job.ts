import type { Strategy } from './strategy.ts';

/** A Job finds its pods by labels made of its own uid unless `manualSelector` says otherwise. */
export const jobStrategy: Strategy = {
  prepareForCreate(job) {
    const spec = job['spec'];
    if (spec === undefined || spec.manualSelector === true || spec.template === undefined) return;
    const uid = job.metadata.uid!;
    const name = job.metadata.name!;
    const template = spec.template;
    template.metadata ??= {};
    template.metadata.labels = {
      ...template.metadata.labels,
      'batch.kubernetes.io/controller-uid': uid,
      'batch.kubernetes.io/job-name': name,
      'controller-uid': uid,
      'job-name': name,
    };
    // Job's own labels default to its template's when it has none.
    if (Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...template.metadata.labels };
    spec.selector = { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, 'batch.kubernetes.io/controller-uid': uid } };
  },
};
