import { config } from '@grafana/runtime';
import { type EmbeddedScene, UrlSyncContextProvider } from '@grafana/scenes';
import { Select, Stack, ToolbarButton } from '@grafana/ui';
import type { Entry } from '../dashboard/catalogue';
import { withTheme } from '../route';

interface Props {
  scene: EmbeddedScene;
  uid: string;
  title: string;
  catalogue: Entry[];
  kiosk: boolean;
}

export function DashboardPage({ scene, uid, title, catalogue, kiosk }: Props) {
  return (
    <>
      {kiosk ? <h3>{title}</h3> : <Bar uid={uid} catalogue={catalogue} />}
      <UrlSyncContextProvider scene={scene}>
        <scene.Component model={scene} />
      </UrlSyncContextProvider>
    </>
  );
}

function Bar({ uid, catalogue }: Pick<Props, 'uid' | 'catalogue'>) {
  const other = config.theme2.isDark ? 'light' : 'dark';
  const open = (path: string) => window.location.assign(path);
  return (
    <div style={{ marginBottom: config.theme2.spacing(2) }}>
      <Stack alignItems="center">
        <ToolbarButton icon="apps" tooltip="All dashboards" onClick={() => open(`/${window.location.search}`)} />
        <Select
          aria-label="Dashboard"
          width={50}
          value={uid}
          options={catalogue.map((entry) => ({ value: entry.uid, label: entry.title }))}
          onChange={({ value }) => open(`/d/${value}${window.location.search}`)}
        />
        <ToolbarButton
          icon="adjust-circle"
          tooltip={`${other} theme`}
          onClick={() => open(withTheme(window.location.href, other))}
        />
      </Stack>
    </div>
  );
}
