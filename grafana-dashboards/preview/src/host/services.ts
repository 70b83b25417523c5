/** The few services that Grafana's own front end sets up at start and the libraries look for. */
import {
  createTheme,
  type DataSourceApi,
  type DataSourceInstanceSettings,
  type DataSourceRef,
  EventBusSrv,
  locationUtil,
  type ScopedVars,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  type TransformerRegistryItem,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import {
  config,
  setAppEvents,
  setDataSourceSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
} from '@grafana/runtime';
import { sceneGraph, sceneUtils } from '@grafana/scenes';
import type { PrometheusDataSource } from '../prometheus/datasource';
import { noEditor, standardFields } from './fields';
import { runRequest } from './runRequest';

/** To be awaited before any panel module is imported: a panel looks into these registries while it registers. */
export async function startServices(datasource: PrometheusDataSource): Promise<void> {
  await initPluginTranslations('dashboard-preview', []);
  config.theme2 = createTheme({ colors: { mode: config.bootData.user.theme === 'light' ? 'light' : 'dark' } });
  standardFieldConfigEditorRegistry.setInit(standardFields);
  standardTransformersRegistry.setInit(transformers);
  setAppEvents(new EventBusSrv());
  setPluginImportUtils({
    importPanelPlugin: (id) => Promise.reject(new Error(`panel type ${id} is not covered by the preview`)),
    getPanelPluginFromCache: () => undefined,
  });
  setRunRequest(runRequest);
  setDataSourceSrv(onlyDataSource(datasource));
  setTemplateSrv({
    getVariables: () => [],
    replace: (target = '') => target,
    containsTemplate: () => false,
    updateTimeRange: () => undefined,
  });
  locationUtil.initialize({
    // Two types of one object: the library's own name for it is deprecated in part.
    config: config as unknown as Parameters<typeof locationUtil.initialize>[0]['config'],
    getVariablesUrlParams: () => ({}),
    getTimeRangeForUrl: () => ({ from: '', to: '' }),
  });
  sceneUtils.registerRuntimeDataSource({ dataSource: datasource });
}

/** The library's list holds some transformers twice. */
function transformers(): TransformerRegistryItem[] {
  const byId = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
  return [...byId.values()].map((one) => ({
    id: one.id,
    name: one.name,
    editor: noEditor,
    transformation: () => Promise.resolve(one),
    imageDark: '',
    imageLight: '',
  }));
}

function onlyDataSource(datasource: PrometheusDataSource): Parameters<typeof setDataSourceSrv>[0] {
  const settings: DataSourceInstanceSettings = {
    id: datasource.id,
    uid: datasource.uid,
    type: datasource.type,
    name: 'Prometheus',
    meta: datasource.meta,
    access: 'proxy',
    readOnly: true,
    isDefault: true,
    jsonData: {},
  };
  const find = (ref: DataSourceRef | string | null | undefined, scopedVars: ScopedVars = {}): DataSourceApi => {
    const uid = interpolated(typeof ref === 'string' ? ref : ref?.uid, scopedVars);
    if (uid !== undefined && uid !== datasource.uid) {
      throw new Error(`data source ${uid} is fixed in the dashboard; only its own variable may choose one`);
    }
    return datasource;
  };
  return {
    get: async (ref, scopedVars) => find(ref, scopedVars),
    getInstanceSettings: () => settings,
    getList: () => [settings],
    reload: () => Promise.resolve(),
    registerRuntimeDataSource: () => undefined,
  };
}

function interpolated(uid: string | undefined, scopedVars: ScopedVars): string | undefined {
  const object = scopedVars.__sceneObject?.value?.valueOf();
  return uid && object ? sceneGraph.interpolate(object, uid, scopedVars) : uid;
}
