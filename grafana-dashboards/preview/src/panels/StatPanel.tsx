/** Big numbers, by the BigValue component of @grafana/ui. */
import {
  getDisplayValueAlignmentFactors,
  type PanelProps,
  type ReduceDataOptions,
  type VizOrientation,
} from '@grafana/data';
import {
  type BigValueColorMode,
  BigValueGraphMode,
  type BigValueJustifyMode,
  BigValueTextMode,
  FieldColorModeId,
  type PercentChangeColorMode,
  type VizTextDisplayOptions,
} from '@grafana/schema';
import { BigValue, useTheme2, VizRepeater } from '@grafana/ui';
import { declarePanel } from './plugin';
import { LAST_VALUE, useFieldValues } from './values';
import { WithLinks } from './WithLinks';

interface Options {
  graphMode: BigValueGraphMode;
  colorMode: BigValueColorMode;
  justifyMode: BigValueJustifyMode;
  textMode: BigValueTextMode;
  wideLayout: boolean;
  showPercentChange: boolean;
  percentChangeColorMode: PercentChangeColorMode;
  reduceOptions: ReduceDataOptions;
  orientation: VizOrientation;
  text?: VizTextDisplayOptions;
}

function StatPanel(props: PanelProps<Options>) {
  const { data, width, height, options, renderCounter, timeRange } = props;
  const theme = useTheme2();
  const values = useFieldValues(props, options.graphMode !== BigValueGraphMode.None);
  const withRange = () =>
    values().map((value) => ({ ...value, sparkline: value.sparkline && { ...value.sparkline, timeRange } }));
  const textMode = (count: number) =>
    options.textMode !== BigValueTextMode.Auto || (data.series.length <= 1 && count <= 1)
      ? options.textMode
      : BigValueTextMode.ValueAndName;
  return (
    <VizRepeater
      getValues={withRange}
      getAlignmentFactors={(all) => getDisplayValueAlignmentFactors(all)}
      width={width}
      height={height}
      source={data}
      itemSpacing={3}
      autoGrid
      renderCounter={renderCounter}
      orientation={options.orientation}
      renderValue={({ value, alignmentFactors, width, height, count }) => (
        <WithLinks value={value}>
          {(className) => (
            <BigValue
              className={className}
              value={value.display}
              count={count}
              sparkline={value.sparkline}
              colorMode={options.colorMode}
              graphMode={options.graphMode}
              justifyMode={options.justifyMode}
              percentChangeColorMode={options.percentChangeColorMode}
              textMode={textMode(count)}
              disableWideLayout={!options.wideLayout}
              alignmentFactors={alignmentFactors}
              text={options.text}
              width={width}
              height={height}
              theme={theme}
            />
          )}
        </WithLinks>
      )}
    />
  );
}

declarePanel<Options>({
  id: 'stat',
  component: StatPanel,
  color: FieldColorModeId.Thresholds,
  options: {
    graphMode: 'area',
    colorMode: 'value',
    justifyMode: 'auto',
    textMode: 'auto',
    wideLayout: true,
    showPercentChange: false,
    percentChangeColorMode: 'standard',
    reduceOptions: LAST_VALUE,
    orientation: 'auto',
    text: undefined,
  },
});
