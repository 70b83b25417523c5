/** States over time, one row a series, painted on a uPlot chart. */
import {
  type DataFrame,
  dateTimeFormat,
  type Field,
  FieldType,
  formattedValueToString,
  getDisplayProcessor,
  getFieldDisplayName,
  type GrafanaTheme2,
  type PanelProps,
} from '@grafana/data';
import {
  FieldColorModeId,
  type LegendPlacement,
  LegendDisplayMode,
  TooltipDisplayMode,
  VisibilityMode,
  type VizLegendOptions,
  type VizTooltipOptions,
} from '@grafana/schema';
import {
  measureText,
  TooltipPlugin2,
  UPlotChart,
  useTheme2,
  VizLayout,
  VizLegend,
  VizTooltipContent,
  VizTooltipHeader,
  VizTooltipWrapper,
} from '@grafana/ui';
import { useMemo, useRef } from 'react';
import type uPlot from 'uplot';
import { AnnotationMarks } from '../plot/AnnotationMarks';
import { readAnnotations } from '../plot/annotationEvents';
import { type Band, bands } from '../plot/bands';
import { HOVER_ALL } from '../plot/hover';
import { hoveredRow, rowsConfig } from '../plot/rowsConfig';
import { NoData } from './NoData';
import { declarePanel } from './plugin';

interface Options {
  showValue: VisibilityMode;
  rowHeight: number;
  mergeValues?: boolean;
  legend: VizLegendOptions;
  tooltip: VizTooltipOptions;
}

interface Row {
  name: string;
  bands: Band[];
  opacity: number;
}

const FONT_SIZE = 12;
const LABEL_GAP = 8;
/** No more of the panel than this for the names. */
const MAX_LABEL_SHARE = 0.35;

function StateTimelinePanel(props: PanelProps<Options>) {
  const { data, width, height, options, timeRange, timeZone } = props;
  const theme = useTheme2();
  const rows = useMemo(
    () => toRows(data.series, theme, options.mergeValues !== false),
    [data.series, theme, options.mergeValues],
  );
  const events = useMemo(() => readAnnotations(data.annotations), [data.annotations]);
  const range = useRef(timeRange);
  range.current = timeRange;
  const config = useMemo(() => {
    const room = width * MAX_LABEL_SHARE;
    const names = rows.map(({ name }) => shorten(name, room));
    const widest = Math.max(0, ...names.map((name) => measureText(name, FONT_SIZE).width));
    return rowsConfig({
      theme,
      timeZone,
      getTimeRange: () => range.current,
      rows: rows.length,
      labels: names.map((text, index) => ({ at: rows.length - index - 0.5, text })),
      axisWidth: widest + 2 * LABEL_GAP,
      paint: (plot) => paint(plot, rows, options, theme),
    });
  }, [rows, options, theme, timeZone, width]);
  const aligned = useMemo(() => align(rows), [rows]);
  if (aligned[0].length === 0) {
    return <NoData {...props} />;
  }
  const { showLegend, placement } = options.legend;
  return (
    <VizLayout width={width} height={height} legend={showLegend ? <States rows={rows} placement={placement} /> : null}>
      {(chartWidth: number, chartHeight: number) => (
        <UPlotChart config={config} data={aligned} width={chartWidth} height={chartHeight}>
          <AnnotationMarks config={config} events={events} timeZone={timeZone} />
          {options.tooltip.mode !== TooltipDisplayMode.None && (
            <TooltipPlugin2
              config={config}
              hoverMode={HOVER_ALL}
              queryZoom={props.onChangeTimeRange}
              render={(plot, _points, _series, isPinned) => {
                const row = rows[rows.length - 1 - (hoveredRow(plot, rows.length) ?? -1)];
                const time = plot.posToVal(plot.cursor.left ?? 0, 'x');
                const band = row?.bands.find(({ from, to }) => from <= time && time < to);
                if (!row || !band) {
                  return null;
                }
                const until = `${dateTimeFormat(band.from, { timeZone })} – ${dateTimeFormat(band.to, { timeZone })}`;
                return (
                  <VizTooltipWrapper>
                    <VizTooltipHeader item={{ label: '', value: until }} isPinned={isPinned} />
                    <VizTooltipContent
                      items={[{ label: row.name, value: band.text, color: band.color }]}
                      isPinned={isPinned}
                    />
                  </VizTooltipWrapper>
                );
              }}
            />
          )}
        </UPlotChart>
      )}
    </VizLayout>
  );
}

/** Names of pods differ at their ends, so that is what stays. */
function shorten(name: string, room: number): string {
  let kept = name;
  while (kept.length > 1 && measureText(`…${kept}`, FONT_SIZE).width > room) {
    kept = kept.slice(1);
  }
  return measureText(name, FONT_SIZE).width <= room ? name : `…${kept}`;
}

function States({ rows, placement }: { rows: Row[]; placement: LegendPlacement }) {
  const states = new Map(rows.flatMap((row) => row.bands.map(({ text, color }) => [text, color] as const)));
  return (
    <VizLayout.Legend placement={placement}>
      <VizLegend
        items={[...states].map(([label, color]) => ({ label, color, yAxis: 1 }))}
        placement={placement}
        displayMode={LegendDisplayMode.List}
      />
    </VizLayout.Legend>
  );
}

function toRows(series: DataFrame[], theme: GrafanaTheme2, merge: boolean): Row[] {
  return series.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    const states = frame.fields.filter(({ type }) => type !== FieldType.time);
    return time ? states.map((field) => toRow(field, time, frame, { series, theme, merge })) : [];
  });
}

interface Context {
  series: DataFrame[];
  theme: GrafanaTheme2;
  merge: boolean;
}

function toRow(field: Field, time: Field, frame: DataFrame, { series, theme, merge }: Context): Row {
  const display = field.display ?? getDisplayProcessor({ field, theme });
  const states = field.values.map((value) => {
    if (value === null || value === undefined) {
      return undefined;
    }
    const shown = display(value);
    return { text: formattedValueToString(shown), color: shown.color ?? theme.colors.text.disabled };
  });
  return {
    name: getFieldDisplayName(field, frame, series),
    opacity: (field.config.custom?.fillOpacity ?? 70) / 100,
    bands: bands({ times: time.values, states, step: time.config.interval ?? 0, merge }),
  };
}

/** The beginnings of all bands: enough for the pointer to find a point wherever it is. */
function align(rows: Row[]): [number[], ...number[][]] {
  const times = [...new Set(rows.flatMap((row) => row.bands.flatMap(({ from, to }) => [from, to])))].sort(
    (a, b) => a - b,
  );
  return [times, ...rows.map(() => times.map(() => 0))];
}

function paint(plot: uPlot, rows: Row[], options: Options, theme: GrafanaTheme2): void {
  const { ctx } = plot;
  const ratio = devicePixelRatio;
  ctx.font = `${FONT_SIZE * ratio}px ${theme.typography.fontFamily}`;
  ctx.textBaseline = 'middle';
  rows.forEach((row, index) => {
    const middle = rows.length - index - 0.5;
    const top = plot.valToPos(middle + options.rowHeight / 2, 'y', true);
    const bottom = plot.valToPos(middle - options.rowHeight / 2, 'y', true);
    for (const band of row.bands) {
      const left = Math.max(plot.bbox.left, plot.valToPos(band.from, 'x', true));
      const right = Math.min(plot.bbox.left + plot.bbox.width, plot.valToPos(band.to, 'x', true));
      ctx.globalAlpha = row.opacity;
      ctx.fillStyle = band.color;
      ctx.fillRect(left, top, Math.max(1, right - left), bottom - top);
      ctx.globalAlpha = 1;
      const fits = ctx.measureText(band.text).width + LABEL_GAP * ratio < right - left;
      if (options.showValue !== VisibilityMode.Never && fits) {
        ctx.fillStyle = theme.colors.getContrastText(band.color, theme.colors.contrastThreshold);
        ctx.textAlign = 'left';
        ctx.fillText(band.text, left + (LABEL_GAP / 2) * ratio, (top + bottom) / 2);
      }
    }
  });
}

const shared = {
  component: StateTimelinePanel,
  color: FieldColorModeId.Thresholds,
  custom: {
    lineWidth: 0,
    fillOpacity: 70,
    spanNulls: false,
    insertNulls: false,
    axisPlacement: 'auto',
    hideFrom: { legend: false, tooltip: false, viz: false },
  },
};

const OPTIONS = {
  showValue: 'auto',
  rowHeight: 0.9,
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
  tooltip: { mode: 'single', sort: 'none' },
  perPage: undefined,
};

declarePanel<Options>({
  ...shared,
  id: 'state-timeline',
  options: { ...OPTIONS, mergeValues: true, alignValue: 'left' },
});
declarePanel<Options>({ ...shared, id: 'status-history', options: { ...OPTIONS, mergeValues: false, colWidth: 0.9 } });
