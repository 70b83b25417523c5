/** Declares a panel type: its component, and every option it knows with its default. */
import {
  type FieldConfigEditorBuilder,
  identityOverrideProcessor,
  PanelPlugin,
  type PanelProps,
  type StandardOptionConfig,
} from '@grafana/data';
import { sceneUtils } from '@grafana/scenes';
import { FieldColorModeId } from '@grafana/schema';
import type { ComponentType } from 'react';
import { noEditor } from '../host/fields';
import { declareOptions } from './options';

type Defaults = Record<string, unknown>;

interface Declaration<Options extends object> {
  id: string;
  component: ComponentType<PanelProps<Options>>;
  /** Panel options by name. */
  options: Defaults;
  /** Field options below `custom`. */
  custom?: Defaults;
  /** How values take their colours when nothing else is said; none where colour does not apply. */
  color?: FieldColorModeId;
  /** The panel shows no query's answer. */
  withoutData?: boolean;
}

export function declarePanel<Options extends object>(declaration: Declaration<Options>): void {
  const { id, component, options, custom = {}, color, withoutData } = declaration;
  const plugin = new PanelPlugin<Options, Defaults>(component);
  plugin.setPanelOptions((builder) => {
    for (const [path, defaultValue] of Object.entries(options)) {
      builder.addCustomEditor({
        id: path,
        path: path as never,
        name: path,
        editor: noEditor,
        defaultValue: defaultValue as never,
      });
    }
  });
  plugin.useFieldConfig({
    standardOptions: color ? { color: colorOption(color) } : {},
    useCustomConfig: (builder) => addCustomOptions(builder, custom),
  });
  // Else the scene drops annotations, and exemplars with them.
  plugin.setDataSupport({ annotations: true, alertStates: false });
  sceneUtils.registerRuntimePanelPlugin({ pluginId: id, plugin });
  plugin.meta.skipDataQuery = withoutData;
  declareOptions(id, Object.keys(options), Object.keys(custom));
}

function colorOption(mode: FieldColorModeId): StandardOptionConfig {
  return {
    defaultValue: { mode },
    settings: {
      byValueSupport: true,
      bySeriesSupport: true,
      preferThresholdsMode: mode === FieldColorModeId.Thresholds,
    },
  };
}

function addCustomOptions(builder: FieldConfigEditorBuilder<Defaults>, custom: Defaults): void {
  for (const [path, defaultValue] of Object.entries(custom)) {
    builder.addCustomEditor({
      id: path,
      path: path as never,
      name: path,
      category: ['Custom'],
      editor: noEditor,
      override: noEditor,
      process: identityOverrideProcessor,
      shouldApply: () => true,
      defaultValue: defaultValue as never,
    });
  }
}
