export {
  clusterIsRunning,
  LaunchError,
  type LaunchOptions,
  launchCluster,
  nodeFlags,
  type RunningCluster,
  stopCluster,
} from './supervisor/launch.ts';
export { clusterPaths } from './supervisor/state.ts';
