/** A switch for each annotation of the dashboard. */
import {
  ControlsLabel,
  dataLayers,
  type SceneComponentProps,
  SceneDataLayerSet,
  sceneGraph,
  SceneObjectBase,
  type SceneObjectState,
} from '@grafana/scenes';

export class AnnotationSwitches extends SceneObjectBase<SceneObjectState> {
  static Component = ({ model }: SceneComponentProps<AnnotationSwitches>) => {
    const sets = sceneGraph.getDataLayers(model).filter((layer) => layer instanceof SceneDataLayerSet);
    return (
      <>
        {sets
          .flatMap((set) => set.state.layers)
          .map(
            (layer) =>
              layer instanceof dataLayers.AnnotationsDataLayer && <Switch key={layer.state.key} layer={layer} />,
          )}
      </>
    );
  };
}

function Switch({ layer }: { layer: dataLayers.AnnotationsDataLayer }) {
  const { key, name, data, isHidden } = layer.useState();
  if (isHidden) {
    return null;
  }
  return (
    <div style={{ display: 'flex' }}>
      <ControlsLabel htmlFor={`data-layer-${key}`} label={name} error={data?.errors?.[0]?.message} />
      <layer.Component model={layer} />
    </div>
  );
}
