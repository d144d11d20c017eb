export type { ServiceDialer } from './admission/call.ts';
export { type ApiServer, type ApiServerOptions, createApiServer, SYSTEM_USER } from './api-server.ts';
export { localApiService } from './registry/api-services.ts';
