/** The dashboards that the server offers. */
import type { Dashboard } from '@grafana/schema';

export interface Entry {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  file: string;
}

async function read<T>(path: string): Promise<T> {
  const response = await fetch(path);
  if (!response.ok) {
    throw new Error(`${path}: ${response.status} ${response.statusText}`);
  }
  return response.json();
}

export const fetchCatalogue = () => read<Entry[]>('/dashboards/index.json');

export async function fetchDashboard(uid: string, catalogue: Entry[]): Promise<Dashboard> {
  const entry = catalogue.find((one) => one.uid === uid);
  if (!entry) {
    throw new Error(`no dashboard has the uid ${uid}`);
  }
  return read<Dashboard>(`/dashboards/${entry.file}`);
}
