export { clusterIsRunning, LaunchError, launchCluster, type LaunchOptions, type RunningCluster, stopCluster } from './supervisor/launch.ts';
export { clusterPaths } from './supervisor/state.ts';
