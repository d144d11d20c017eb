export { type ApiServer, type ApiServerOptions, createApiServer, SYSTEM_USER } from './api-server.ts';
