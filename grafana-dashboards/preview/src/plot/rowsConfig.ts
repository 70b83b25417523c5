/** A plot whose y scale counts rows from the bottom and whose content the caller paints: timelines and heatmaps. */
import { type GrafanaTheme2, type TimeRange, type TimeZone } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation, VisibilityMode } from '@grafana/schema';
import { UPlotConfigBuilder } from '@grafana/ui';
import type uPlot from 'uplot';

interface RowsPlot {
  theme: GrafanaTheme2;
  timeZone: TimeZone;
  getTimeRange: () => TimeRange;
  rows: number;
  /** Where the y axis carries which words. */
  labels: Array<{ at: number; text: string }>;
  /** Widest label in pixels. */
  axisWidth: number;
  paint: (plot: uPlot) => void;
}

export function rowsConfig({
  theme,
  timeZone,
  getTimeRange,
  rows,
  labels,
  axisWidth,
  paint,
}: RowsPlot): UPlotConfigBuilder {
  const config = new UPlotConfigBuilder(timeZone);
  config.addScale({
    scaleKey: 'x',
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [getTimeRange().from.valueOf(), getTimeRange().to.valueOf()],
  });
  config.addScale({
    scaleKey: 'y',
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: () => [0, rows],
  });
  config.addAxis({
    scaleKey: 'x',
    isTime: true,
    placement: AxisPlacement.Bottom,
    timeZone,
    theme,
    grid: { show: false },
  });
  config.addAxis({
    scaleKey: 'y',
    placement: AxisPlacement.Left,
    theme,
    size: axisWidth,
    grid: { show: false },
    ticks: { show: false },
    splits: () => labels.map(({ at }) => at),
    values: () => labels.map(({ text }) => text),
  });
  for (let row = 0; row < rows; row += 1) {
    config.addSeries({
      scaleKey: 'y',
      theme,
      pathBuilder: () => null,
      showPoints: VisibilityMode.Never,
      pointsFilter: () => null,
    });
  }
  config.setCursor({ points: { show: false } });
  config.addHook('drawClear', (plot) => {
    const { left, top, width, height } = plot.bbox;
    plot.ctx.save();
    plot.ctx.beginPath();
    plot.ctx.rect(left, top, width, height);
    plot.ctx.clip();
    paint(plot);
    plot.ctx.restore();
  });
  return config;
}

/** Which row the pointer is over, counted from the bottom; undefined outside. */
export function hoveredRow(plot: uPlot, rows: number): number | undefined {
  const row = Math.floor(plot.posToVal(plot.cursor.top ?? -1, 'y'));
  return row >= 0 && row < rows ? row : undefined;
}
