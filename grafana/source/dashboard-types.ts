import type { LineStyle, TableCellOptions } from '@grafana/schema';
import type { PrometheusDataQuery } from '@grafana/schema/dist/esm/raw/composable/prometheus/dataquery/x/PrometheusDataQuery_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as TableFieldConfig,
  Options as TableOptions,
} from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type {
  FieldConfig as TimeSeriesFieldConfig,
  Options as TimeSeriesOptions,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type {
  FieldConfig as AnyFieldConfig,
  DashboardLink,
  DataSourceRef,
  FieldColor,
  RowPanel,
  Dashboard as SavedDashboard,
  Panel as SavedPanel,
  ThresholdsConfig,
  ValueMapping,
  VariableModel,
} from '@grafana/schema/dist/esm/raw/dashboard/x/dashboard_types.gen';

/*
 * Grafana's own types put together. Its schema leaves `options`, `custom` and `targets` of a panel open, because any plugin may make
 * panels; of the panels that are used here it has them as well.
 */

/** A data link: opened by a click on a value. Grafana's schema leaves it open. */
export interface ValueLink {
  readonly title: string;
  readonly url: string;
}

export interface Query extends Omit<PrometheusDataQuery, 'datasource'> {
  datasource: DataSourceRef;
}

/** What an override may set is open in Grafana's schema; these are used, each with the type that the same setting has elsewhere. */
type OverriddenProperty =
  | { id: 'unit' | 'displayName' | 'noValue'; value: string }
  | {
      id: 'decimals' | 'min' | 'max' | 'custom.width' | 'custom.lineWidth' | 'custom.fillOpacity';
      value: number;
    }
  | { id: 'thresholds'; value: ThresholdsConfig }
  | { id: 'mappings'; value: ValueMapping[] }
  | { id: 'color'; value: FieldColor }
  | { id: 'links'; value: ValueLink[] }
  | { id: 'custom.cellOptions'; value: TableCellOptions }
  | { id: 'custom.lineStyle'; value: LineStyle };

export interface Override {
  matcher: { id: 'byName' | 'byRegexp' | 'byFrameRefID'; options: string };
  properties: OverriddenProperty[];
}

/** Likewise. */
type Transformation =
  | { id: 'merge'; options: Record<string, never> }
  | {
      id: 'organize';
      options: {
        excludeByName: Record<string, boolean>;
        indexByName: Record<string, number>;
        renameByName: Record<string, string>;
      };
    };

interface FieldConfig<Custom> extends Omit<AnyFieldConfig, 'custom' | 'links' | 'unit'> {
  /** One of `@grafana/grafana-foundation-sdk/units`: Grafana takes any text, and shows what it does not know as it is. */
  unit: string;
  custom?: Custom;
  links?: ValueLink[];
}

interface PanelOf<Type extends string, Options, Custom>
  extends Omit<SavedPanel, 'type' | 'options' | 'targets' | 'fieldConfig' | 'transformations'> {
  type: Type;
  options: Options;
  targets: Query[];
  fieldConfig: { defaults: FieldConfig<Custom>; overrides: Override[] };
  transformations?: Transformation[];
}

export type TimeSeriesPanel = PanelOf<'timeseries', TimeSeriesOptions, TimeSeriesFieldConfig>;
export type StatPanel = PanelOf<'stat', StatOptions, Record<string, never>>;
export type TablePanel = PanelOf<'table', TableOptions, TableFieldConfig>;
export type Panel = TimeSeriesPanel | StatPanel | TablePanel;

export interface Row extends Omit<RowPanel, 'panels'> {
  panels: Panel[];
}

export interface Dashboard extends Omit<SavedDashboard, 'panels'> {
  panels: (Panel | Row)[];
}

export type { DashboardLink, VariableModel };
