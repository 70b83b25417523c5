/** Starts the page: services first, then the panels that need them, then what the address asks for. */
import 'react-grid-layout/css/styles.css';
import 'react-resizable/css/styles.css';
import 'uplot/dist/uPlot.min.css';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { fetchCatalogue, fetchDashboard } from './dashboard/catalogue';
import { toScene } from './dashboard/scene';
import { startServices } from './host/services';
import { DashboardList } from './page/DashboardList';
import { DashboardPage } from './page/DashboardPage';
import { Page } from './page/Page';
import { installProbe } from './probe';
import { PrometheusDataSource } from './prometheus/datasource';
import { parseRoute } from './route';

async function content(): Promise<ReactNode> {
  const { uid, kiosk, refresh, scrapeInterval } = parseRoute(location.pathname, location.search);
  await startServices(new PrometheusDataSource('prometheus', scrapeInterval));
  await import('./panels');
  const catalogue = await fetchCatalogue();
  if (!uid) {
    return <DashboardList catalogue={catalogue} />;
  }
  const saved = await fetchDashboard(uid, catalogue);
  const dashboard = { ...saved, refresh: refresh ?? saved.refresh };
  const title = dashboard.title ?? uid;
  const scene = toScene(dashboard, catalogue);
  installProbe(scene, dashboard);
  document.title = title;
  return <DashboardPage scene={scene} uid={uid} title={title} catalogue={catalogue} kiosk={kiosk} />;
}

const root = document.getElementById('root');
content()
  .then((children) => root && createRoot(root).render(<Page>{children}</Page>))
  .catch((error: Error) => {
    if (root) {
      root.textContent = `The preview failed: ${error.message}`;
    }
    console.error(error);
  });
