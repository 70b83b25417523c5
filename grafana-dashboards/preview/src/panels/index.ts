/** Every panel type that the preview shows. Importing it registers them. */
import './BarGaugePanel';
import './GaugePanel';
import './HeatmapPanel';
import './StatPanel';
import './StateTimelinePanel';
import './TablePanel';
import './TextPanel';
import './TimeSeriesPanel';
