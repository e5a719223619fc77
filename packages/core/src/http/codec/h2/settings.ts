/** SETTINGS (RFC 9113 section 6.5): what the peer asks for, judged and kept; what we send. */
import {
  DEFAULT_FRAME_SIZE,
  DEFAULT_TABLE_SIZE,
  DEFAULT_WINDOW,
  ErrorCode,
  LARGEST_FRAME_SIZE,
  MAX_WINDOW,
  Setting,
  uint32,
} from "./frame.ts";
import type { Http2Options } from "./options.ts";

export class PeerSettings {
  headerTableSize: number;
  /** The least that the last frame named: an encoder must obey it too, if only for a moment (RFC 7541 section 4.2). */
  leastTableSize: number;
  maxConcurrentStreams: number;
  initialWindowSize: number;
  maxFrameSize: number;
  isConnectEnabled: boolean;

  constructor() {
    this.headerTableSize = DEFAULT_TABLE_SIZE;
    this.leastTableSize = DEFAULT_TABLE_SIZE;
    this.maxConcurrentStreams = Infinity;
    this.initialWindowSize = DEFAULT_WINDOW;
    this.maxFrameSize = DEFAULT_FRAME_SIZE;
    this.isConnectEnabled = false;
  }

  /** Takes a payload, in its order. Returns an error code; 0 where all is well. `isServer`: the peer is a server. */
  read(payload: Uint8Array, isServer: boolean): number {
    this.leastTableSize = this.headerTableSize;
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const value = uint32(payload, at + 2);
      switch ((payload[at]! << 8) | payload[at + 1]!) {
        case Setting.headerTableSize:
          this.headerTableSize = value;
          this.leastTableSize = Math.min(value, this.leastTableSize);
          break;
        case Setting.enablePush:
          // A server must not send another value than 0 (section 6.5.2).
          if (value > (isServer ? 0 : 1)) return ErrorCode.protocolError;
          break;
        case Setting.maxConcurrentStreams:
          this.maxConcurrentStreams = value;
          break;
        case Setting.initialWindowSize:
          if (value > MAX_WINDOW) return ErrorCode.flowControlError;
          this.initialWindowSize = value;
          break;
        case Setting.maxFrameSize:
          if (value < DEFAULT_FRAME_SIZE || value > LARGEST_FRAME_SIZE) return ErrorCode.protocolError;
          this.maxFrameSize = value;
          break;
        case Setting.enableConnectProtocol:
          // RFC 8441 section 3: 0 or 1, and never taken back.
          if (value > 1 || (this.isConnectEnabled && value === 0)) return ErrorCode.protocolError;
          this.isConnectEnabled = value === 1;
          break;
      }
    }
    return ErrorCode.noError;
  }
}

/** What we send: pairs of identifier and value in a row. Defaults of the protocol are left out. */
export function ownSettings(options: Http2Options, isServer: boolean): number[] {
  const pairs: number[] = [];
  if (options.hpackTableSize !== DEFAULT_TABLE_SIZE) pairs.push(Setting.headerTableSize, options.hpackTableSize);
  if (!isServer) pairs.push(Setting.enablePush, 0);
  else pairs.push(Setting.maxConcurrentStreams, options.maxConcurrentStreams);
  if (options.initialStreamWindowSize !== DEFAULT_WINDOW) {
    pairs.push(Setting.initialWindowSize, options.initialStreamWindowSize);
  }
  pairs.push(Setting.maxHeaderListSize, options.maxHeaderListBytes);
  if (isServer && options.allowConnect) pairs.push(Setting.enableConnectProtocol, 1);
  for (const [identifier, value] of options.customSettingsParameters) pairs.push(identifier, value);
  return pairs;
}
