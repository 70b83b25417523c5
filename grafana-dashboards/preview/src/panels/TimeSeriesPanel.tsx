/** Lines over time, drawn by the TimeSeries component of @grafana/ui, with annotations and exemplars on top. */
import { dateTimeFormat, type PanelProps } from '@grafana/data';
import {
  type DashboardCursorSync,
  FieldColorModeId,
  SortOrder,
  TooltipDisplayMode,
  type VizLegendOptions,
  type VizTooltipOptions,
} from '@grafana/schema';
import {
  getFieldDisplayItems,
  TimeSeries,
  TooltipPlugin2,
  usePanelContext,
  VizTooltipContent,
  VizTooltipFooter,
  VizTooltipHeader,
  VizTooltipWrapper,
} from '@grafana/ui';
import { useMemo } from 'react';
import { AnnotationMarks } from '../plot/AnnotationMarks';
import { ExemplarMarks } from '../plot/ExemplarMarks';
import { drawable } from '../plot/drawable';
import { HOVER_ALL, HOVER_ONE } from '../plot/hover';
import { readAnnotations } from '../plot/annotationEvents';
import { readExemplars } from '../prometheus/exemplars';
import { NoData } from './NoData';
import { declarePanel } from './plugin';

interface Options {
  legend: VizLegendOptions;
  tooltip: VizTooltipOptions;
}

function TimeSeriesPanel(props: PanelProps<Options>) {
  const { data, width, height, options, timeRange, timeZone, onChangeTimeRange } = props;
  const { sync, eventsScope } = usePanelContext();
  const frames = useMemo(() => drawable(data.series), [data.series]);
  const exemplars = useMemo(() => readExemplars(data.annotations), [data.annotations]);
  const events = useMemo(() => readAnnotations(data.annotations), [data.annotations]);
  if (frames.length === 0) {
    return <NoData {...props} />;
  }
  const { mode, sort, maxWidth, hideZeros } = options.tooltip;
  return (
    <TimeSeries
      structureRev={data.structureRev}
      frames={frames}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={options.legend}
      options={options}
    >
      {(config, aligned) => (
        <>
          <AnnotationMarks config={config} events={events} timeZone={timeZone} />
          <ExemplarMarks
            config={config}
            exemplars={exemplars}
            timeZone={timeZone}
            field={aligned.fields[1]}
            replaceVariables={props.replaceVariables}
          />
          {mode !== TooltipDisplayMode.None && (
            <TooltipPlugin2
              config={config}
              hoverMode={mode === TooltipDisplayMode.Single ? HOVER_ONE : HOVER_ALL}
              syncMode={sync?.() as DashboardCursorSync}
              syncScope={eventsScope}
              maxWidth={maxWidth}
              queryZoom={onChangeTimeRange}
              getDataLinks={(series, point) => aligned.fields[series]?.getLinks?.({ valueRowIndex: point }) ?? []}
              render={(_, points, series, isPinned, _dismiss, _range, _viaSync, dataLinks) => {
                const [time] = aligned.fields;
                const at = points[0] ?? points.find((point) => point != null);
                if (!time || at == null) {
                  return null;
                }
                const items = getFieldDisplayItems(
                  aligned.fields,
                  time,
                  points,
                  series,
                  mode,
                  sort ?? SortOrder.None,
                  undefined,
                  hideZeros,
                );
                return (
                  <VizTooltipWrapper>
                    <VizTooltipHeader
                      item={{ label: '', value: dateTimeFormat(time.values[at], { timeZone }) }}
                      isPinned={isPinned}
                    />
                    <VizTooltipContent items={items} isPinned={isPinned} />
                    {isPinned && dataLinks.length > 0 && <VizTooltipFooter dataLinks={dataLinks} />}
                  </VizTooltipWrapper>
                );
              }}
            />
          )}
        </>
      )}
    </TimeSeries>
  );
}

declarePanel<Options>({
  id: 'timeseries',
  component: TimeSeriesPanel,
  color: FieldColorModeId.PaletteClassic,
  options: {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
    tooltip: { mode: 'single', sort: 'none' },
  },
  custom: {
    drawStyle: 'line',
    lineInterpolation: 'linear',
    barAlignment: 0,
    barWidthFactor: 0.6,
    lineWidth: 1,
    fillOpacity: 0,
    gradientMode: 'none',
    fillBelowTo: undefined,
    lineStyle: undefined,
    lineColor: undefined,
    spanNulls: false,
    insertNulls: false,
    showPoints: 'auto',
    showValues: false,
    pointSize: 5,
    stacking: { mode: 'none', group: 'A' },
    transform: undefined,
    axisPlacement: 'auto',
    axisLabel: '',
    axisWidth: undefined,
    axisSoftMin: undefined,
    axisSoftMax: undefined,
    axisGridShow: undefined,
    axisCenteredZero: false,
    axisBorderShow: false,
    axisColorMode: 'text',
    scaleDistribution: { type: 'linear' },
    thresholdsStyle: { mode: 'off' },
    hideFrom: { legend: false, tooltip: false, viz: false },
  },
});
