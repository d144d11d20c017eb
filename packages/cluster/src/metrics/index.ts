export { createMetricsHandler, metricsDiscovery, metricsGroup, metricsVersion } from './handler.ts';
export { readUsage } from './processes.ts';
export type { Sampler } from './sampler.ts';
export { createSampler } from './sampler.ts';
