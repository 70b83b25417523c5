import type { setRunRequest } from '@grafana/runtime';

export type RunRequest = Parameters<typeof setRunRequest>[0];
