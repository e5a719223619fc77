/** Metrics as filter authors see them: the one metrics API. Values live in memory that all workers share. */

export interface Counter {
  /** Adds `amount`, 1 unless told; whole and not negative. */
  inc(amount?: number): void;
}

export interface Gauge {
  set(value: number): void;
  inc(amount?: number): void;
  dec(amount?: number): void;
}

export interface Histogram {
  /** Records one value, in milliseconds unless the name says otherwise. */
  record(value: number): void;
}

/**
 * A place in the tree of statistics. Names are dotted paths under the filter's prefix (`<prefix>.<filter>.<name>`).
 * Take the handles in `create`, never per stream: a handle is resolved once and costs a few nanoseconds to use.
 * The same name gives the same metric; all are released with the filter.
 */
export interface Stats {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  /** @param bucketsMs upper bounds, ascending. @default Envoy's: 0.5 ms to 1 h. */
  histogram(name: string, bucketsMs?: readonly number[]): Histogram;
}
