/** Who is an outlier by its share of good answers in the last interval. Envoy: outlier_detection_impl.cc, processSuccessRateEjections. */

export interface HostRate {
  readonly address: string;
  /** Percent. */
  readonly rate: number;
  readonly volume: number;
}

export interface RateThreshold {
  readonly average: number;
  /** Hosts below it are outliers. */
  readonly threshold: number;
}

/** @param hosts At least one. @param stdevFactor Thousandths. */
export function successRateThreshold(hosts: readonly HostRate[], stdevFactor: number): RateThreshold {
  const average = hosts.reduce((sum, { rate }) => sum + rate, 0) / hosts.length;
  const variance = hosts.reduce((sum, { rate }) => sum + (rate - average) ** 2, 0) / hosts.length;
  return { average, threshold: average - (stdevFactor / 1000) * Math.sqrt(variance) };
}
