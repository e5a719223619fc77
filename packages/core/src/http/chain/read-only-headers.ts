/** Header maps for filters that declare `mutatesHeaders: false`: reading works, changing throws. */
import type { Headers, RequestHeaders, ResponseHeaders } from "@sluice/sdk";

const CHANGES = new Set(["set", "append", "delete"]);

function refuse(): never {
  throw new TypeError("this filter declares mutatesHeaders: false and may not change headers");
}

const handler = {
  get(target: object, key: string | symbol): unknown {
    if (typeof key === "string" && CHANGES.has(key)) return refuse;
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === "function" ? value.bind(target) : value;
  },
  set: refuse,
};

export function readOnlyRequest(headers: RequestHeaders): RequestHeaders {
  return new Proxy<RequestHeaders>(headers, handler);
}

export function readOnlyResponse(headers: ResponseHeaders): ResponseHeaders {
  return new Proxy<ResponseHeaders>(headers, handler);
}

export function readOnlyTrailers(trailers: Headers): Headers {
  return new Proxy<Headers>(trailers, handler);
}
