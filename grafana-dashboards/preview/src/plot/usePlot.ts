/** The uPlot instance behind a config builder, seen again after each of its draws. */
import type { UPlotConfigBuilder } from '@grafana/ui';
import { useLayoutEffect, useState } from 'react';
import type uPlot from 'uplot';

export function usePlot(config: UPlotConfigBuilder): uPlot | undefined {
  const [drawn, setDrawn] = useState<{ plot?: uPlot }>({});
  useLayoutEffect(() => {
    config.addHook('draw', (plot) => setDrawn({ plot }));
    config.addHook('destroy', () => setDrawn({}));
  }, [config]);
  return drawn.plot;
}
