/** Hot path. One change of a header map, compiled: the value is constant or rendered for the stream. */
import type { Format, Formats, Headers, HttpStream } from "@sluice/sdk";
import type { AppendAction, HeaderOption } from "./header-options.ts";

export class HeaderAddition {
  readonly name: string;
  readonly action: AppendAction;
  readonly #format: Format;
  readonly #keepEmpty: boolean;

  /** @throws ConfigError where the text is no format. */
  constructor(option: HeaderOption, formats: Formats) {
    this.name = option.name;
    this.action = option.action;
    this.#format = formats.compile(option.text);
    this.#keepEmpty = option.keepEmpty;
  }

  get isConstant(): boolean {
    return this.#format.constant !== null;
  }

  /** null: nothing is to be added. `stream` may be null where the value is constant. */
  #value(stream: HttpStream | null): string | null {
    const value = this.#format.constant ?? this.#format.render(stream!);
    return value === "" && !this.#keepEmpty ? null : value;
  }

  apply(headers: Headers, stream: HttpStream): void {
    const value = this.#value(stream);
    if (value === null) return;
    const { name } = this;
    switch (this.action) {
      case "append":
        headers.append(name, value);
        return;
      case "add_if_absent":
        if (!headers.has(name)) headers.append(name, value);
        return;
      case "overwrite_or_add":
        headers.set(name, value);
        return;
      case "overwrite_if_exists":
        if (headers.has(name)) headers.set(name, value);
    }
  }

  /** The same for the headers of a local reply, which start empty. */
  addTo(headers: Record<string, string[]>, stream: HttpStream | null): void {
    const value = this.#value(stream);
    if (value === null) return;
    const known = headers[this.name];
    switch (this.action) {
      case "append":
        headers[this.name] = known === undefined ? [value] : [...known, value];
        return;
      case "add_if_absent":
        headers[this.name] = known ?? [value];
        return;
      case "overwrite_or_add":
        headers[this.name] = [value];
        return;
      case "overwrite_if_exists":
        if (known !== undefined) headers[this.name] = [value];
    }
  }
}
