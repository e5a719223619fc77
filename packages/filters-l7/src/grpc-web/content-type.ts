/** The content types of gRPC-Web: `application/grpc-web` and `application/grpc-web-text`, each alone or with a subtype that says how messages are encoded. */

export interface WebType {
  readonly isText: boolean;
  /** With its plus (`+proto`); empty where there is none. */
  readonly subtype: string;
}

const TYPE = /^application\/grpc-web(-text)?(\+[a-z0-9!#$&^_.-]{1,64})?$/;

/** null: another type. Parameters do not count. */
export function webType(value: string | undefined): WebType | null {
  if (value === undefined || value.length > 200) return null;
  const end = value.indexOf(";");
  const parts = TYPE.exec((end === -1 ? value : value.slice(0, end)).trim().toLowerCase());
  return parts === null ? null : { isText: parts[1] !== undefined, subtype: parts[2] ?? "" };
}

/** Whether the client wants its answer as text: what the first gRPC-Web type says that it accepts. */
export function acceptsText(accept: string | undefined): boolean {
  if (accept === undefined || accept.length > 1000) return false;
  for (const one of accept.split(",")) {
    const type = webType(one);
    if (type !== null) return type.isText;
  }
  return false;
}
