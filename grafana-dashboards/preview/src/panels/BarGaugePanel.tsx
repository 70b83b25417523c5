/** Bars side by side, by the BarGauge component of @grafana/ui. */
import {
  getDisplayValueAlignmentFactors,
  type PanelProps,
  type ReduceDataOptions,
  VizOrientation,
} from '@grafana/data';
import {
  BarGaugeDisplayMode,
  type BarGaugeNamePlacement,
  BarGaugeSizing,
  type BarGaugeValueMode,
  FieldColorModeId,
  type VizLegendOptions,
  type VizTextDisplayOptions,
} from '@grafana/schema';
import { BarGauge, useTheme2, VizRepeater } from '@grafana/ui';
import { NoData } from './NoData';
import { declarePanel } from './plugin';
import { LAST_VALUE, useFieldValues } from './values';

interface Options {
  displayMode: BarGaugeDisplayMode;
  valueMode: BarGaugeValueMode;
  namePlacement: BarGaugeNamePlacement;
  showUnfilled: boolean;
  sizing: BarGaugeSizing;
  minVizWidth: number;
  minVizHeight: number;
  maxVizHeight: number;
  reduceOptions: ReduceDataOptions;
  orientation: VizOrientation;
  legend: VizLegendOptions;
  text?: VizTextDisplayOptions;
}

function BarGaugePanel(props: PanelProps<Options>) {
  const { data, width, height, options, renderCounter } = props;
  const theme = useTheme2();
  const values = useFieldValues(props, false);
  if (data.series.length === 0) {
    return <NoData {...props} />;
  }
  const manual = options.sizing === BarGaugeSizing.Manual;
  const lcd = options.displayMode === BarGaugeDisplayMode.Lcd;
  return (
    <VizRepeater
      source={data}
      getAlignmentFactors={(all) => getDisplayValueAlignmentFactors(all)}
      getValues={values}
      width={width}
      height={height}
      itemSpacing={lcd ? 2 : 10}
      orientation={orientationFor(options.orientation, width, height)}
      renderCounter={renderCounter}
      minVizWidth={manual ? options.minVizWidth : 8}
      minVizHeight={manual ? options.minVizHeight : 16}
      maxVizHeight={options.maxVizHeight}
      renderValue={({ value, alignmentFactors, width, height, orientation, count }) => (
        <BarGauge
          value={data.series.length === 1 && count === 1 ? { ...value.display, title: undefined } : value.display}
          width={width}
          height={height}
          orientation={orientation}
          field={value.field}
          text={options.text}
          display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          theme={theme}
          itemSpacing={10}
          lcdCellWidth={lcd ? 12 : undefined}
          displayMode={options.displayMode}
          alignmentFactors={alignmentFactors}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
        />
      )}
    />
  );
}

function orientationFor(wanted: VizOrientation, width: number, height: number): VizOrientation {
  if (wanted && wanted !== VizOrientation.Auto) {
    return wanted;
  }
  return width > height ? VizOrientation.Vertical : VizOrientation.Horizontal;
}

declarePanel<Options>({
  id: 'bargauge',
  component: BarGaugePanel,
  color: FieldColorModeId.Thresholds,
  options: {
    displayMode: 'gradient',
    valueMode: 'color',
    namePlacement: 'auto',
    showUnfilled: true,
    sizing: 'auto',
    minVizWidth: 8,
    minVizHeight: 16,
    maxVizHeight: 300,
    reduceOptions: LAST_VALUE,
    orientation: 'auto',
    legend: { showLegend: false },
    text: undefined,
  },
});
