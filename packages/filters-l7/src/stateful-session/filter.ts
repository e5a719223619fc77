/** Hot path. Asks for the host that the session names, and names the one that answered. Whether a host has that address is for the cluster to say: no other is ever dialled. */
import {
  type Clock,
  Continue,
  type FilterContext,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type ResponseHeaders,
  type Verdict,
} from "@sluice/sdk";
import type { StatefulSessionSettings } from "./config.ts";
import { type Session, sessionOf } from "./session.ts";

export class StatefulSessionState {
  /** null: the request has none. */
  session: Session | null;
  /** That the request names; null: none. */
  address: string | null;

  constructor() {
    this.session = null;
    this.address = null;
  }
}

type Stream = HttpStream<StatefulSessionState, StatefulSessionSettings>;

export class StatefulSessionFilter implements HttpFilter<StatefulSessionState, StatefulSessionSettings> {
  readonly #clock: Clock;
  readonly #own: Session | null;
  readonly #isStrict: boolean;
  /** Made when a route is taken for the first time. */
  readonly #ofRoutes = new WeakMap<StatefulSessionSettings, Session>();

  constructor(settings: StatefulSessionSettings, { clock }: FilterContext) {
    this.#clock = clock;
    this.#own = sessionOf(settings.session);
    this.#isStrict = settings.isStrict;
  }

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): Verdict {
    const { routeConfig, state, info } = stream;
    const session = routeConfig === undefined ? this.#own : this.#ofRoute(routeConfig);
    if (session === null || !session.has(headers)) return Continue;
    const address = session.read(headers, this.#clock.wallNow());
    state.session = session;
    state.address = address;
    if (address !== null) info.upstreamOverride = { address, strict: routeConfig?.isStrict ?? this.#isStrict };
    return Continue;
  }

  onResponseHeaders(headers: ResponseHeaders, _end: boolean, { state, info }: Stream): Verdict {
    const { session } = state;
    if (session === null || info.upstreamHost === null) return Continue;
    session.write(headers, info.upstreamHost.address, state.address, this.#clock.wallNow());
    return Continue;
  }

  /** Nobody is to stay with a host that has not answered. */
  onLocalReply(_reply: unknown, { state }: Stream): void {
    state.session = null;
  }

  #ofRoute(settings: StatefulSessionSettings): Session | null {
    if (settings.session === null) return null;
    let session = this.#ofRoutes.get(settings);
    if (session === undefined) this.#ofRoutes.set(settings, (session = sessionOf(settings.session)!));
    return session;
  }
}
