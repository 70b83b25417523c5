/** A histogram over time, painted on a uPlot chart. */
import { dateTimeFormat, formattedValueToString, getValueFormat, type PanelProps } from '@grafana/data';
import { TooltipDisplayMode } from '@grafana/schema';
import {
  TooltipPlugin2,
  UPlotChart,
  useTheme2,
  VizTooltipContent,
  VizTooltipHeader,
  VizTooltipWrapper,
} from '@grafana/ui';
import { useMemo, useRef } from 'react';
import type uPlot from 'uplot';
import { AnnotationMarks } from '../plot/AnnotationMarks';
import { readAnnotations } from '../plot/annotationEvents';
import { type Buckets, rowPosition, toBuckets } from '../plot/buckets';
import { ExemplarMarks } from '../plot/ExemplarMarks';
import { heatmapRamp, type Ramp } from '../plot/heatmapColors';
import { HOVER_ALL } from '../plot/hover';
import { hoveredRow, rowsConfig } from '../plot/rowsConfig';
import { readExemplars } from '../prometheus/exemplars';
import { NoData } from './NoData';
import { declarePanel } from './plugin';

interface Options {
  calculate: boolean;
  color: { scheme: string; reverse: boolean; exponent: number };
  yAxis: { unit?: string; decimals?: number };
  cellGap: number;
  filterValues: { le: number };
  legend: { show: boolean };
  tooltip: { mode: TooltipDisplayMode };
}

const AXIS_WIDTH = 64;
const LABEL_HEIGHT = 16;
const LEGEND_HEIGHT = 22;
const LEGEND_STEPS = 32;

function HeatmapPanel(props: PanelProps<Options>) {
  const { data, width, height, options, timeRange, timeZone, fieldConfig } = props;
  if (options.calculate) {
    throw new Error('the preview draws heatmaps of buckets alone, not of values it would have to sort into buckets');
  }
  const theme = useTheme2();
  const buckets = useMemo(() => toBuckets(data.series), [data.series]);
  const ramp = useMemo(() => heatmapRamp(options.color, theme), [options.color, theme]);
  const exemplars = useMemo(() => readExemplars(data.annotations), [data.annotations]);
  const events = useMemo(() => readAnnotations(data.annotations), [data.annotations]);
  const range = useRef(timeRange);
  range.current = timeRange;
  const chartHeight = height - (options.legend.show ? LEGEND_HEIGHT : 0);
  const { unit, decimals } = options.yAxis;
  const config = useMemo(() => {
    const bounds = buckets?.rows.map((row) => row.upperBound) ?? [];
    const everyNth = Math.max(1, Math.ceil((bounds.length * LABEL_HEIGHT) / chartHeight));
    return rowsConfig({
      theme,
      timeZone,
      getTimeRange: () => range.current,
      rows: bounds.length,
      labels: bounds
        .map((bound, index) => ({ at: index + 1, text: boundText(bound, unit, decimals) }))
        .filter((_, index) => index % everyNth === 0),
      axisWidth: AXIS_WIDTH,
      paint: (plot) => buckets && paint(plot, buckets, ramp, options),
    });
  }, [buckets, ramp, theme, timeZone, chartHeight, unit, decimals, options]);
  if (!buckets || buckets.times.length === 0) {
    return <NoData {...props} />;
  }
  const count = (value: number) =>
    formattedValueToString(getValueFormat(fieldConfig.defaults.unit ?? 'short')(value, fieldConfig.defaults.decimals));
  return (
    <>
      <UPlotChart
        config={config}
        data={[buckets.times, ...buckets.rows.map(({ counts }) => counts)]}
        width={width}
        height={chartHeight}
      >
        <AnnotationMarks config={config} events={events} timeZone={timeZone} />
        <ExemplarMarks
          config={config}
          exemplars={exemplars}
          timeZone={timeZone}
          replaceVariables={props.replaceVariables}
          toScale={(value) => rowPosition(buckets, value)}
        />
        {options.tooltip.mode !== TooltipDisplayMode.None && (
          <TooltipPlugin2
            config={config}
            hoverMode={HOVER_ALL}
            queryZoom={props.onChangeTimeRange}
            render={(plot, points, _series, isPinned) => {
              const row = hoveredRow(plot, buckets.rows.length);
              const column = points.find((point) => point != null);
              const bucket = row === undefined ? undefined : buckets.rows[row];
              if (row === undefined || column == null || !bucket) {
                return null;
              }
              const lower = boundText(buckets.rows[row - 1]?.upperBound ?? 0, unit, decimals);
              const label = `${lower} – ${boundText(bucket.upperBound, unit, decimals)}`;
              const value = bucket.counts[column] ?? 0;
              return (
                <VizTooltipWrapper>
                  <VizTooltipHeader
                    item={{ label: '', value: dateTimeFormat(buckets.times[column] ?? 0, { timeZone }) }}
                    isPinned={isPinned}
                  />
                  <VizTooltipContent
                    items={[{ label, value: count(value), color: ramp(value / buckets.max) }]}
                    isPinned={isPinned}
                  />
                </VizTooltipWrapper>
              );
            }}
          />
        )}
      </UPlotChart>
      {options.legend.show && <Scale ramp={ramp} max={count(buckets.max)} />}
    </>
  );
}

function boundText(bound: number, unit = 'short', decimals?: number): string {
  return Number.isFinite(bound) ? formattedValueToString(getValueFormat(unit)(bound, decimals)) : '+Inf';
}

function paint(plot: uPlot, { times, step, rows, max }: Buckets, ramp: Ramp, { cellGap, filterValues }: Options): void {
  const gap = cellGap * devicePixelRatio;
  rows.forEach(({ counts }, row) => {
    const top = plot.valToPos(row + 1, 'y', true);
    const height = plot.valToPos(row, 'y', true) - top;
    counts.forEach((count, column) => {
      const time = times[column];
      if (count === null || count <= filterValues.le || time === undefined) {
        return;
      }
      const left = plot.valToPos(time - step, 'x', true);
      const width = plot.valToPos(time, 'x', true) - left;
      plot.ctx.fillStyle = ramp(count / max);
      plot.ctx.fillRect(left, top, Math.max(1, width - gap), Math.max(1, height - gap));
    });
  });
}

function Scale({ ramp, max }: { ramp: Ramp; max: string }) {
  const theme = useTheme2();
  const stops = Array.from({ length: LEGEND_STEPS + 1 }, (_, step) => ramp(step / LEGEND_STEPS)).join(', ');
  return (
    <div
      style={{
        height: LEGEND_HEIGHT,
        display: 'flex',
        gap: 8,
        alignItems: 'center',
        fontSize: theme.typography.bodySmall.fontSize,
      }}
    >
      <span>0</span>
      <div style={{ width: 160, height: 8, background: `linear-gradient(to right, ${stops})` }} />
      <span>{max}</span>
    </div>
  );
}

declarePanel<Options>({
  id: 'heatmap',
  component: HeatmapPanel,
  options: {
    calculate: false,
    calculation: undefined,
    color: { mode: 'scheme', scheme: 'Oranges', steps: 64, reverse: false, exponent: 0.5, fill: 'dark-orange' },
    filterValues: { le: 1e-9 },
    exemplars: { color: 'rgba(255,0,255,0.7)' },
    rowsFrame: { layout: 'auto' },
    yAxis: {},
    cellGap: 1,
    cellValues: undefined,
    cellRadius: undefined,
    showValue: 'never',
    legend: { show: true },
    tooltip: { mode: 'single', yHistogram: false, showColorScale: false },
    selectionMode: 'x',
  },
  custom: {
    scaleDistribution: { type: 'linear' },
    hideFrom: { legend: false, tooltip: false, viz: false },
  },
});
