import type { PanelProps } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';

/** What a panel shows in place of nothing: its own words for it, if it has some. */
export function NoData({ width, height, fieldConfig }: Pick<PanelProps, 'width' | 'height' | 'fieldConfig'>) {
  const theme = useTheme2();
  return (
    <div style={{ width, height, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary }}>
      {fieldConfig.defaults.noValue || 'No data'}
    </div>
  );
}
